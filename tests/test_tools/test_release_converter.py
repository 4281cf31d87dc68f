from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from release_network import ReleaseNetwork
from small_data import end_of, load_tool, printed_by
from torch import nn

from mmboxcaseg import InputError
from mmboxcaseg.apis import init_labeller, label_boxes

ROOT = Path(__file__).resolve().parents[2]
NAME = 'model_converters/boxcaseg_release_to_mmboxcaseg'
CONFIG = ROOT / 'configs/boxcaseg/boxcaseg_hrnetv2-w48_release.py'
WIDTHS = [18, pytest.param(48, marks=pytest.mark.slow)]


@pytest.fixture
def convert(monkeypatch, capsys):
    """Runs the converter and returns what it prints."""

    def run(*args) -> str:
        return printed_by(monkeypatch, capsys, NAME, *args)

    return run


def build_network(width: int) -> ReleaseNetwork:
    """A release network whose parameters and statistics are all random."""
    torch.manual_seed(0)
    network = ReleaseNetwork(width, alpha=0.7)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    for transfer in (network.transfer1, network.transfer2):
        nn.init.constant_(transfer.k, 0.8)
        nn.init.constant_(transfer.b, 0.1)
    return network.eval()


def release_dict(network: ReleaseNetwork, prefix: str) -> OrderedDict:
    return OrderedDict(
        (prefix + k, v) for k, v in network.state_dict().items())


def load_config(width: int) -> Config:
    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict({
        'model.backbone.arch': f'w{width}',
        'model.channels': 15 * width
    })
    return cfg


@pytest.fixture
def convert_network(tmp_path, convert):
    """Builds a random release network and its converted labeller."""

    def run(width: int) -> tuple:
        network = build_network(width)
        src, dst = tmp_path / 'src.pth', tmp_path / 'dst.pth'
        torch.save(release_dict(network, 'model.'), src)
        assert f'HRNetV2-w{width}' in convert(src, dst)
        return network, init_labeller(load_config(width), str(dst), 'cpu')

    return run


def smooth_image(rng, height: int, width: int) -> np.ndarray:
    noise = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize('width', WIDTHS)
def test_same_logits_as_the_release(convert_network, width):
    network, model = convert_network(width)
    crop = torch.rand(1, 3, 320, 320) - 0.4
    with torch.no_grad():
        expected = network(crop)
        maps = model(crop)
        fused = model.fusion(maps['salient'], maps['transferred'])
    assert expected.std() > 0.01
    torch.testing.assert_close(fused, expected[:, 0], rtol=0, atol=1e-4)


def release_mask(network: ReleaseNetwork, crop: np.ndarray) -> np.ndarray:
    """The mask of a BGR crop, step by step as in the authors' code."""
    transform = pytest.importorskip('skimage.transform')
    img = transform.resize(crop[..., ::-1], (320, 320), mode='constant')
    img -= np.array([102.9801, 115.9465, 122.7717]) / 255
    img = torch.from_numpy(img.transpose(2, 0, 1)[None]).float()
    with torch.no_grad():
        prob = network.fused_map(network.features(img))[0, 0].sigmoid()
    prob = ((prob - prob.min()) / (prob.max() - prob.min())).numpy()
    small = Image.fromarray(prob * 255).convert('L')
    return np.array(small.resize(crop.shape[1::-1], Image.BILINEAR)) > 127


def test_same_masks_as_the_release(convert_network, rng):
    network, model = convert_network(18)
    img = smooth_image(rng, 360, 480)
    # xywh, smaller and larger than the map of 80 px and the crop of 320 px
    boxes = np.array([[20.7, 10.2, 131.9, 120.6], [10.7, 20.2, 5.6, 7.9],
                      [5, 3.5, 400.2, 350.9], [90.1, 60.3, 330.4, 45.5]])
    corners = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    masks, _ = label_boxes(model, img, corners, merge=False)
    for mask, (x, y, w, h) in zip(masks, boxes.astype(int)):
        window = (slice(y, y + h), slice(x, x + w))
        expected = release_mask(network, img[window])
        assert 0.02 < expected.mean() < 0.98
        assert (mask[window] == expected).all()
        assert mask.sum() == expected.sum()  # nothing outside the box
    # Each option of test_cfg is needed for that.
    exact = dict(model.test_cfg)
    for option in dict(upsample=True), dict(eight_bit=False):
        model.test_cfg = dict(exact, **option)
        others, _ = label_boxes(model, img, corners, merge=False)
        assert (masks != others).any()


@pytest.mark.parametrize('size', [(97, 130), (64, 320)])
def test_any_input_size(tmp_path, convert, size):
    network = build_network(18)
    src, dst = tmp_path / 'src.pth', tmp_path / 'dst.pth'
    torch.save(release_dict(network, 'model.'), src)
    convert(src, dst)
    model = init_labeller(load_config(18), str(dst), 'cpu')
    crop = torch.rand(2, 3, *size)
    with torch.no_grad():
        maps = model(crop)
        fused = model.fusion(maps['salient'], maps['transferred'])
        torch.testing.assert_close(
            fused, network(crop)[:, 0], rtol=0, atol=1e-4)


@pytest.mark.parametrize('prefix', ['model.', 'module.model.'])
def test_both_files_and_back(tmp_path, convert, prefix):
    state_dict = release_dict(build_network(18), prefix)
    src, dst, back = (tmp_path / f'{name}.pth' for name in 'abc')
    torch.save(
        dict(epoch=40, state_dict=state_dict, optimizer=dict(state={})), src)
    convert(src, dst)
    assert torch.load(dst)['meta']['epoch'] == 40
    convert(dst, back, '--reverse')
    restored = torch.load(back)
    assert list(restored) == [
        name.replace('module.', '') for name in state_dict
    ]
    for value, expected in zip(restored.values(), state_dict.values()):
        assert torch.equal(value, expected)


def test_other_checkpoints_are_refused(monkeypatch, capsys, tmp_path):
    src, dst = tmp_path / 'src.pth', tmp_path / 'dst.pth'
    torch.save(nn.Conv2d(3, 3, 1).state_dict(), src)
    for args, words in [
        ((src, dst), 'src.pth: 2 of 2 names are unknown (weight, bias)'),
        ((src, dst, '--reverse'), 'leave out --reverse'),
        (('lost.pth', dst), 'checkpoint not found'),
    ]:
        assert words in end_of(monkeypatch, capsys, NAME, *args)
    assert not dst.exists()


def test_missing_head_is_refused():
    network = build_network(18)
    del network.last_layer
    with pytest.raises(InputError, match='the release with all heads'):
        load_tool(NAME).convert(release_dict(network, 'model.'))
