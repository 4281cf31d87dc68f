import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from promptable import MAKERS, SIDE, save_model, transformers

from mmboxcaseg import InputError
from mmboxcaseg.models import PromptableLabeller

BOXES = np.array([[3., 4, 40, 33], [10, 2, 90.5, 60], [0, 0, 20, 20],
                  [50, 30, 99, 69], [7, 7, 12, 13]])
WINDOWS = np.array([[3, 4, 40, 33], [10, 2, 91, 60], [0, 0, 20, 20],
                    [50, 30, 99, 69], [7, 7, 12, 13]])


@pytest.fixture(params=MAKERS)
def folder(request, tmp_path) -> str:
    return save_model(request.param, tmp_path / request.param)


@pytest.fixture
def img(rng) -> np.ndarray:
    """An RGB image."""
    return rng.integers(0, 256, (70, 100, 3), np.uint8)


def label(model: PromptableLabeller,
          img: np.ndarray,
          boxes: np.ndarray = BOXES,
          windows: np.ndarray = WINDOWS):
    """The masks of an image, given in the form of PackCrops."""
    bgr = torch.from_numpy(img[None, ..., ::-1].transpose(0, 3, 1, 2).copy())
    gt = InstanceData(bboxes=torch.tensor(boxes).float(), windows=windows)
    sample, = model.eval().test_step(
        dict(inputs=[bgr], data_samples=[DetDataSample(gt_instances=gt)]))
    return sample.pred_instances.masks


def reference(folder: str, img: np.ndarray) -> tuple:
    """Masks (n, H, W) and IoUs (n, ), resized by transformers itself."""
    processor = transformers.AutoImageProcessor.from_pretrained(
        folder, use_fast=True)
    model = transformers.AutoModelForMaskGeneration.from_pretrained(folder)
    pads = model.config.model_type != 'sam2'
    # SAM scales 70 x 100 pixels to 45 x 64, SAM 2 to 64 x 64.
    shown = (45, 64) if pads else (64, 64)
    boxes = BOXES * np.tile([shown[1] / 100, shown[0] / 70], 2)
    with torch.no_grad():
        out = model.eval()(
            pixel_values=processor(img, return_tensors='pt')['pixel_values'],
            input_boxes=torch.tensor(boxes[None]).float(),
            multimask_output=False)
    options = dict(
        reshaped_input_sizes=[shown], pad_size=dict(
            height=SIDE, width=SIDE)) if pads else {}
    masks, = processor.post_process_masks(out.pred_masks, [(70, 100)],
                                          **options)
    return masks[:, 0].numpy(), out.iou_scores[0, :, 0]


def test_masks_are_those_of_transformers(folder, img):
    masks = label(PromptableLabeller(folder), img)
    expected, ious = reference(folder, img)
    assert 0.02 < expected.mean() < 0.98
    for mask, whole, (x0, y0, x1, y1) in zip(masks, expected, WINDOWS):
        other = whole[y0:y1, x0:x1]
        assert mask.shape == other.shape
        # transformers cuts the padding of SAM off before it interpolates.
        assert (mask != other).mean() < 0.02
    assert masks.expected_ious == pytest.approx(ious.tolist(), abs=1e-4)


def test_probabilities_belong_to_the_masks(folder, img):
    masks = label(PromptableLabeller(folder), img)
    for i, mask in enumerate(masks):
        prob = masks.probability(i)
        assert prob.shape == mask.shape and 0 <= prob.min() < prob.max() <= 1
        np.testing.assert_array_equal(prob > 0.5, mask)


def test_image_is_encoded_once_and_boxes_go_in_chunks(folder, img,
                                                      monkeypatch):
    model = PromptableLabeller(folder, test_cfg=dict(chunk=2))
    sizes, network = [], model.network
    encode, decode = network.get_image_embeddings, network.forward

    def get_image_embeddings(pixels):
        sizes.append(tuple(pixels.shape))
        return encode(pixels)

    def forward(**kwargs):
        sizes.append(tuple(kwargs['input_boxes'].shape))
        return decode(**kwargs)

    monkeypatch.setattr(network, 'get_image_embeddings', get_image_embeddings)
    monkeypatch.setattr(network, 'forward', forward)
    masks = label(model, img)
    assert sizes == [(1, 3, SIDE, SIDE), (1, 2, 4), (1, 2, 4), (1, 1, 4)]
    whole = label(PromptableLabeller(folder), img)
    for i in range(5):
        np.testing.assert_allclose(
            masks.probability(i), whole.probability(i), atol=1e-4)


def test_best_of_several_masks(folder, img):
    best = label(
        PromptableLabeller(folder, test_cfg=dict(multimask=True)), img)
    assert len(best) == 5
    model = PromptableLabeller(folder)
    decode = model.network.forward

    def forward(**kwargs):
        out = decode(**dict(kwargs, multimask_output=True))
        assert out.iou_scores.shape[2] > 1
        forward.highest = out.iou_scores[0].max(1).values.tolist()
        return out

    model.network.forward = forward
    label(model, img)
    assert best.expected_ious == pytest.approx(forward.highest)


def test_images_of_another_size(folder, img):
    path = Path(folder, 'preprocessor_config.json')
    settings = json.loads(path.read_text())
    half = dict(height=SIDE // 2, width=SIDE // 2)
    if settings['pad_size']:
        settings.update(size=dict(longest_edge=SIDE // 2), pad_size=half)
    else:
        settings.update(size=half)
    path.write_text(json.dumps(settings))
    with pytest.raises(InputError, match='images of 32x32 .* for 64x64'):
        label(PromptableLabeller(folder), img)


def test_it_cannot_be_trained(folder):
    with pytest.raises(InputError, match="no mode 'loss'"):
        PromptableLabeller(folder)([], [], mode='loss')


def test_name_of_the_weights(folder, tmp_path):
    model = PromptableLabeller(f'{folder}/')
    assert model.weights_name == Path(folder).name
    assert Path(model.weights) == Path(folder)


def test_name_on_the_hub(tmp_path, monkeypatch):
    folder = save_model('sam2', tmp_path)
    asked = []

    def snapshot_download(name, allow_patterns):
        asked.append((name, allow_patterns))
        return folder

    monkeypatch.setattr('huggingface_hub.snapshot_download', snapshot_download)
    model = PromptableLabeller('facebook/sam2.1-hiera-large')
    # No pickles: they could run code.
    assert asked == [('facebook/sam2.1-hiera-large',
                      ['*.json', '*.safetensors'])]
    assert model.weights_name == 'sam2.1-hiera-large'
    assert model.weights == folder


def drop_weights(folder: Path) -> None:
    from safetensors.torch import load_file, save_file
    path = folder / 'model.safetensors'
    weights = load_file(path)
    del weights['mask_decoder.iou_token.weight']
    save_file(weights, path, metadata=dict(format='pt'))


def cut_weights(folder: Path) -> None:
    path = folder / 'model.safetensors'
    path.write_bytes(path.read_bytes()[:3000])


def other_model(folder: Path) -> None:
    (folder / 'config.json').write_text(json.dumps(dict(model_type='bert')))


@pytest.mark.parametrize('spoil, words', [
    (drop_weights, 'lacks 1 weights .* such as mask_decoder.iou_token.weight'),
    (cut_weights, 'cannot be loaded as a promptable model'),
    (other_model, 'of a SAM, SAM 2 or SAM-HQ model'),
    (lambda folder:
     (folder / 'preprocessor_config.json').unlink(), 'preprocessor_config'),
    (lambda folder:
     (folder / 'model.safetensors').rename(folder / 'pytorch_model.bin'),
     'model.safetensors'),
])
def test_folders_that_are_refused(tmp_path, spoil, words):
    folder = Path(save_model('sam', tmp_path / 'sam'))
    spoil(folder)
    with pytest.raises(InputError, match=words) as error:
        PromptableLabeller(str(folder))
    assert str(folder) in str(error.value)


@pytest.mark.parametrize('name', ['a/b/c', 'lost.pth'])
def test_lost_folder(monkeypatch, name):
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
    with pytest.raises(InputError, match=f'{name} is not a folder'):
        PromptableLabeller(name)


def test_weights_are_needed():
    with pytest.raises(InputError, match='CHECKPOINT of tools/label.py'):
        PromptableLabeller()


@pytest.mark.parametrize('module', ['transformers', 'huggingface_hub'])
def test_missing_package_is_named(monkeypatch, tmp_path, module):
    monkeypatch.setitem(sys.modules, module, None)
    weights = str(tmp_path) if module == 'transformers' else 'a/b'
    with pytest.raises(InputError, match=rf'{module}.*mmboxcaseg\[sam\]'):
        PromptableLabeller(weights)
