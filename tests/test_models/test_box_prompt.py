import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import nn

from mmboxcaseg import InputError
from mmboxcaseg.models import BoxPrompt

SIZE = 32


@pytest.fixture
def build_prompted(labeller_cfg, build_labeller):
    """Builds a labeller with a box prompt of this standard deviation."""

    def build(std: float = 1, **test_cfg) -> nn.Module:
        labeller_cfg.box_prompt = dict(type='mmboxcaseg.BoxPrompt')
        model = build_labeller(**test_cfg)
        nn.init.normal_(model.box_prompt.conv.weight, std=std)
        return model

    return build


def make_crops(num: int) -> torch.Tensor:
    """Crops whose boxes are at different places."""
    torch.manual_seed(0)
    crops = torch.randn(num, 4, SIZE, SIZE)
    crops[:, 3] = -1
    for i, crop in enumerate(crops):
        crop[3, 8:20, 4 + i:22 + i] = 1
    return crops


def train_data(shown: bool, with_mask: bool) -> dict:
    """Two box crops and two with a mask; only the latter show their box."""
    samples = []
    crops = make_crops(4)
    crops[:2, 3] = 0
    for i in range(4):
        gt = InstanceData(bboxes=torch.tensor([[4. + i, 8, 22 + i, 20]]))
        if i >= 2 and with_mask:
            gt.masks = crops[i:i + 1, 3] > 0
        samples.append(DetDataSample(gt_instances=gt))
    if not shown:
        crops[:, 3] = 0
    return dict(inputs=crops, data_samples=samples)


def test_starts_with_the_plain_crops():
    prompt = BoxPrompt()
    nn.init.ones_(prompt.conv.weight)
    prompt.init_weights()
    crops = make_crops(3)
    assert torch.equal(prompt(crops), crops[:, :3])
    assert torch.equal(prompt(crops[:, :3]), crops[:, :3])


def test_adds_what_it_has_learnt():
    prompt = BoxPrompt(kernel_size=1)
    with torch.no_grad():
        prompt.conv.weight[:] = torch.tensor([1., 0, -2])[:, None, None, None]
    crops = make_crops(3)
    found = prompt(crops)
    expected = crops[:, :3] + crops[:, 3:] * torch.tensor([1., 0, -2])[:, None,
                                                                       None]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('shown', [True, False])
@pytest.mark.parametrize('with_mask', [True, False])
def test_trained_by_crops_that_show_their_box(build_prompted, shown,
                                              with_mask):
    model = build_prompted().train()
    losses = model.loss(**train_data(shown, with_mask))
    sum(losses.values()).backward()
    grad = model.box_prompt.conv.weight.grad
    # DistributedDataParallel waits for a gradient, even if it is 0.
    assert grad is not None
    assert bool(grad.any()) == shown


def test_losses_do_not_see_the_box(build_prompted, build_labeller,
                                   labeller_cfg):
    """With weights of 0, they are those of the plain labeller."""
    model = build_prompted(std=0).train()
    found = model.loss(**train_data(True, True))
    labeller_cfg.box_prompt = None
    plain = build_labeller().train()
    plain.load_state_dict(model.state_dict(), strict=False)
    data = train_data(True, True)
    data['inputs'] = data['inputs'][:, :3]
    assert plain.loss(**data) == found


def test_box_changes_the_maps(build_prompted):
    model = build_prompted().eval()
    crops = make_crops(2)
    moved = crops.clone()
    moved[:, 3] = crops[:, 3].flip(1)
    with torch.no_grad():
        assert not torch.allclose(
            model.predict_maps(crops), model.predict_maps(moved))


def test_mirror_image_shows_the_mirrored_box(build_prompted):
    model = build_prompted(flip=True).eval()
    crops = make_crops(2)
    with torch.no_grad():
        maps = model.predict_maps(crops)
        mirrored = model.predict_maps(crops.flip(3))
    torch.testing.assert_close(mirrored.flip(2), maps)


def test_pipeline_and_model_must_fit(build_prompted, build_labeller):
    crops = make_crops(2)
    with pytest.raises(InputError, match='remove `box_map` from PackCrops'):
        build_labeller().eval().predict_maps(crops)
    model = build_prompted().eval()
    with pytest.raises(InputError, match='set box_map=True of PackCrops'):
        model.predict_maps(crops[:, :3])
