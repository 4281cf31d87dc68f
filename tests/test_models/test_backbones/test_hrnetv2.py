import pytest
import torch
from mmpretrain.models import HRNet
from torch import nn

from mmboxcaseg.models import HRNetV2

EXTRA = {
    f'stage{i + 1}':
    dict(
        num_modules=1 + (i == 2),
        num_branches=i + 1,
        block='BASIC' if i else 'BOTTLENECK',
        num_blocks=(1, ) * (i + 1),
        num_channels=(4, 8, 16, 32)[:i + 1])
    for i in range(4)
}


def build(cls=HRNetV2, **kwargs) -> nn.Module:
    torch.manual_seed(0)
    model = cls(arch=None, extra=EXTRA, **kwargs)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
    model.eval()
    return model


@pytest.mark.parametrize('height, width', [(64, 96), (75, 101), (33, 47)])
def test_output_shapes_of_any_input_size(height, width):
    outputs = build()(torch.rand(2, 3, height, width))
    # Each stage halves the size and rounds up.
    h, w = -(-height // 4), -(-width // 4)
    for channels, output in zip((4, 8, 16, 32), outputs):
        assert output.shape == (2, channels, h, w)
        h, w = -(-h // 2), -(-w // 2)
    assert len(outputs) == 4


@torch.no_grad()
def test_equals_mmpretrain_with_bilinear_upsampling():
    model, parent = build(), build(HRNet)
    parent.load_state_dict(model.state_dict())
    inputs = torch.rand(2, 3, 64, 96)
    nearest = parent(inputs)
    for module in parent.modules():
        if isinstance(module, nn.Upsample):
            module.mode = 'bilinear'
    for output, other, expected in zip(model(inputs), nearest, parent(inputs)):
        torch.testing.assert_close(output, expected)
        assert not torch.allclose(output, other, atol=1e-3)


@pytest.mark.parametrize('arch', ['w18', 'w48'])
def test_state_dict_is_that_of_mmpretrain(arch):
    with torch.device('meta'):
        ours = HRNetV2(arch=arch).state_dict()
        theirs = HRNet(arch=arch).state_dict()
    assert {
        k: v.shape
        for k, v in ours.items()
    } == {
        k: v.shape
        for k, v in theirs.items()
    }


def test_w48_is_the_default_with_720_channels():
    with torch.device('meta'):
        stage = HRNetV2().stage4[-1]
    channels = [branch[-1].conv2.out_channels for branch in stage.branches]
    assert sum(channels) == 720


def test_options_of_mmpretrain_reach_the_stages():
    outputs = build(multiscale_output=False)(torch.rand(1, 3, 64, 96))
    assert [output.shape[1] for output in outputs] == [4]


def test_norm_momentum():
    momenta = {
        module.momentum
        for module in build().modules() if isinstance(module, nn.BatchNorm2d)
    }
    assert momenta == {0.01}
