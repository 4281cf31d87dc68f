import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from release_network import ReleaseNetwork
from torch import nn

from mmboxcaseg.apis import init_labeller, label_boxes

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools/model_converters/boxcaseg_release_to_mmboxcaseg.py'
CONFIG = ROOT / 'configs/boxcaseg/boxcaseg_hrnetv2-w48_release.py'
WIDTHS = [18, pytest.param(48, marks=pytest.mark.slow)]


def convert(*args, fails: bool = False) -> str:
    done = subprocess.run([sys.executable, TOOL, *args],
                          capture_output=True,
                          text=True)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stdout + done.stderr


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


@pytest.mark.parametrize('width', WIDTHS)
def test_same_logits_and_masks_as_the_release(tmp_path, rng, width):
    network = build_network(width)
    src, dst = tmp_path / 'src.pth', tmp_path / 'dst.pth'
    torch.save(release_dict(network, 'model.'), src)
    assert f'HRNetV2-w{width}' in convert(src, dst)
    model = init_labeller(load_config(width), str(dst), 'cpu')

    img = cv2.resize(
        rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), (230, 170),
        interpolation=cv2.INTER_CUBIC)
    x0, y0, x1, y1 = 20.7, 10.2, 151.9, 130.6
    # The release cuts at whole numbers and normalises RGB by means of BGR.
    window = (slice(10, 130), slice(20, 151))
    crop = cv2.resize(img[window], (320, 320))[:, :, ::-1] / 255
    crop = crop - np.array([102.9801, 115.9465, 122.7717]) / 255
    crop = torch.from_numpy(crop.transpose(2, 0, 1)[None]).float()
    with torch.no_grad():
        expected = network(crop)[0, 0]
        maps = model(crop)
        fused = model.fusion(maps['salient'], maps['transferred'])[0]
    assert expected.std() > 0.01
    torch.testing.assert_close(fused, expected, rtol=0, atol=1e-4)

    # sigmoid, min-max, resize to the box, threshold
    prob = expected.sigmoid()
    prob = ((prob - prob.min()) / (prob.max() - prob.min())).numpy()
    expected_mask = cv2.resize(prob, (131, 120)) > 0.5
    masks, _ = label_boxes(model, img, [[x0, y0, x1, y1]])
    assert 0.02 < expected_mask.mean() < 0.98
    assert (masks[0][window] == expected_mask).mean() > 0.999
    assert masks[0].sum() == masks[0][window].sum()


@pytest.mark.parametrize('size', [(97, 130), (64, 320)])
def test_any_input_size(tmp_path, size):
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
def test_both_files_and_back(tmp_path, prefix):
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


def test_what_is_no_release_is_refused(tmp_path):
    src, dst = tmp_path / 'src.pth', tmp_path / 'dst.pth'
    torch.save(nn.Conv2d(3, 3, 1).state_dict(), src)
    output = convert(src, dst, fails=True)
    assert 'src.pth: 2 of 2 names are unknown (weight, bias)' in output
    output = convert(src, dst, '--reverse', fails=True)
    assert 'leave out --reverse' in output
    assert 'checkpoint not found' in convert('lost.pth', dst, fails=True)
    assert not dst.exists()
