"""Labelling by BoxCaseg: from crops to masks."""
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch.nn import functional as F

from mmboxcaseg.models import boxcaseg, map_masks
from mmboxcaseg.structures import binarize_maps

SIZE = 48


def label_data(counts) -> dict:
    """The same seven crops in items of 1 to 3 crops."""
    generator = torch.Generator().manual_seed(2)
    shape = (7, 3, SIZE, SIZE)
    crops = torch.randint(
        0, 256, shape, dtype=torch.uint8, generator=generator)
    windows = np.array([[3 * i, i, 60 - i, 40 + 5 * i] for i in range(7)])
    return dict(
        inputs=list(crops.split(counts)),
        data_samples=[
            DetDataSample(gt_instances=InstanceData(windows=part))
            for part in np.split(windows,
                                 np.cumsum(counts)[:-1])
        ])


@torch.no_grad()
def run(model, counts, sizes) -> list:
    """Label batches of the given sizes; returns the masks of all crops."""
    data, found, start = label_data(counts), [], 0
    for size in sizes:
        batch = {k: v[start:start + size] for k, v in data.items()}
        for sample in model.test_step(batch):
            found += sample.pred_instances.masks
        start += size
    assert len(found) == 7
    return found


COMPOSITIONS = [
    ([1] * 7, [1] * 7),
    ([1] * 7, [3, 4]),
    ([3, 1, 2, 1], [4]),
    ([2, 3, 2], [2, 1]),
]


@pytest.mark.parametrize('chunk', [1, 4, 16])
@pytest.mark.parametrize('keep_map', [True, False])
def test_mask_does_not_depend_on_its_batch(build_labeller, monkeypatch, chunk,
                                           keep_map):
    if keep_map:
        # A map shows a difference that a mask might hide.
        monkeypatch.setattr(map_masks, 'binarize_maps',
                            lambda maps, *_, **__: maps)
    model = build_labeller(chunk=chunk)
    model.eval()
    expected = [found.tobytes() for found in run(model, [7], [1])]
    assert len(set(expected)) == 7
    for counts, sizes in COMPOSITIONS:
        found = [found.tobytes() for found in run(model, counts, sizes)]
        assert found == expected


def test_masks_fill_their_windows(build_labeller):
    model = build_labeller()
    model.eval()
    for i, mask in enumerate(run(model, [3, 4], [2])):
        assert mask.dtype == bool
        assert mask.shape == (40 + 4 * i, 60 - 4 * i)
        assert 0 < mask.mean() < 1


@pytest.mark.parametrize('min_max, threshold', [(True, 0.4), (False, 0.5)])
@pytest.mark.parametrize('output', ('fused', ) + boxcaseg.BoxCaseg.HEADS)
@torch.no_grad()
def test_output_names_the_map(build_labeller, output, min_max, threshold):
    model = build_labeller(output=output, min_max=min_max, threshold=threshold)
    model.eval()
    data = label_data([7])
    windows = data['data_samples'][0].gt_instances.windows
    probs = {
        name: logits.sigmoid()
        for name, logits in model(model.data_preprocessor(data)
                                  ['inputs']).items()
    }
    probs['fused'] = 0.7 * probs['salient'] + 0.3 * probs['transferred']
    masks = run(model, [7], [1])
    for mask, prob, window in zip(masks, probs[output].numpy(), windows):
        expected = binarize_maps(prob[None], [window], window, threshold,
                                 min_max)
        assert (mask == expected).mean() > 0.999
    # No other map gives the same masks.
    if min_max:
        for name in probs.keys() - {output}:
            others = [
                binarize_maps(prob[None], [window], window, threshold)
                for prob, window in zip(probs[name].numpy(), windows)
            ]
            assert np.mean([(m == o).mean()
                            for m, o in zip(masks, others)]) < 0.999


@torch.no_grad()
def test_fused_map_does_not_run_the_weak_head(build_labeller, monkeypatch):
    model = build_labeller().eval()
    crops = torch.rand(2, 3, SIZE, SIZE)
    maps = model.logit_maps(crops)
    fused = model.fusion(maps['salient'], maps['transferred']).sigmoid()
    monkeypatch.setattr(model.weak_head, 'forward', None)
    assert torch.equal(model.foreground(crops), fused)


def test_assertion_of_a_backbone(build_labeller, monkeypatch):
    """Only timm's means that the size of the crops is wrong."""
    model = build_labeller()

    def fail(inputs):
        raise AssertionError('a bug')

    monkeypatch.setattr(model.backbone, 'forward', fail)
    with pytest.raises(AssertionError, match='^a bug$'):
        model.logit_maps(torch.rand(2, 3, SIZE, SIZE))


@torch.no_grad()
def test_maps_of_stride_4(build_labeller):
    model = build_labeller(upsample=False).eval()
    inputs = model.data_preprocessor(label_data([7]))['inputs']
    small, large = (model.logit_maps(inputs, flag) for flag in (False, True))
    side = inputs.shape[-1]
    for name in model.HEADS:
        assert small[name].shape == (7, side // 4, side // 4)
        resized = F.interpolate(small[name][:, None], side, mode='bilinear')
        torch.testing.assert_close(resized[:, 0], large[name])
    assert model.predict_maps(inputs).shape == (7, side // 4, side // 4)
    for i, mask in enumerate(run(model, [7], [1])):
        assert mask.shape == (40 + 4 * i, 60 - 4 * i)


@torch.no_grad()
def test_flip_averages_with_the_mirror_image(build_labeller):
    crops = torch.rand(5, 3, SIZE, SIZE)
    plain = build_labeller(chunk=4).eval()
    both = build_labeller(chunk=4, flip=True).eval()
    both.load_state_dict(plain.state_dict())
    mirrored = plain.predict_maps(crops.flip(3)).flip(2)
    expected = (plain.predict_maps(crops) + mirrored) / 2
    assert not torch.equal(both.predict_maps(crops), mirrored)
    torch.testing.assert_close(both.predict_maps(crops), expected)
