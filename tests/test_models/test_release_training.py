"""A training step, compared with the authors' network in plain PyTorch.

In the authors' code, as in Figure 4 of the paper, the salient and the
transferred head see only the features of crops that have a mask.
"""
from pathlib import Path

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.structures import InstanceData
from release_network import ReleaseNetwork, resize
from small_data import load_tool
from torch import Tensor, nn
from torch.nn import functional as F

from mmboxcaseg.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/boxcaseg/boxcaseg_hrnetv2-w48_release.py'
CONVERTER = 'model_converters/boxcaseg_release_to_mmboxcaseg'
SIZE = 64
BOXES = [[5, 8, 40, 41], [10, 3, 64, 60], [0, 20, 33, 64]]
# The mask of a crop fills the box except for one corner.
CORNER = slice(0, 24)


def make_batch(has_mask: list) -> tuple:
    """Crops, data samples, and their masks or filled boxes as maps."""
    samples, targets = [], torch.zeros(len(BOXES), SIZE, SIZE)
    for target, (x0, y0, x1, y1), known in zip(targets, BOXES, has_mask):
        gt = InstanceData(bboxes=torch.tensor([[x0, y0, x1, y1]]).float())
        target[y0:y1, x0:x1] = 1
        if known:
            target[CORNER, CORNER] = 0
            gt.masks = target[None].bool()
        samples.append(DetDataSample(gt_instances=gt))
    return torch.randn(len(BOXES), 3, SIZE, SIZE), samples, targets


def release_loss(network: ReleaseNetwork, crops: Tensor, targets: Tensor,
                 has_mask: Tensor) -> Tensor:
    """Eqs. (1) to (4) in the form of the authors' code."""
    feats = network.features(crops)
    weak = resize(network.last_layer(feats), crops.shape[2:])[:, 0]
    mil = F.binary_cross_entropy_with_logits(
        torch.cat([weak.amax(2), weak.amax(1)], 1),
        torch.cat([targets.amax(2), targets.amax(1)], 1))
    prob = weak.sigmoid()
    padded = F.pad(prob, (1, 1, 1, 1))
    shifts = [(y, x) for y in range(3) for x in range(3) if (y, x) != (1, 1)]
    pairs = [(prob - padded[:, y:y + SIZE, x:x + SIZE]).square().mean()
             for y, x in shifts]
    loss = mil + 0.05 * sum(pairs) / 8
    if has_mask.any():
        fused = network.fused_map(feats[has_mask])
        loss = loss + F.binary_cross_entropy_with_logits(
            resize(fused, crops.shape[2:])[:, 0], targets[has_mask])
    return loss


@pytest.fixture(scope='module')
def tool():
    return load_tool(CONVERTER)


@pytest.fixture
def network() -> ReleaseNetwork:
    torch.manual_seed(0)
    # In float64 the many BN layers do not amplify rounding errors.
    network = ReleaseNetwork(18, alpha=0.7).double()
    for name, param in network.named_parameters():
        # Large enough that all three heads matter for the backbone.
        if name.startswith(('last_layer', 'fcn', 'transfer')):
            nn.init.normal_(param, std=0.1)
    return network


@pytest.fixture
def build(network, tool):
    """Builds our model with the parameters of the network."""

    def build(**options) -> nn.Module:
        cfg = Config.fromfile(CONFIG)
        cfg.merge_from_dict({
            'model.backbone.arch': 'w18',
            'model.channels': 270,
            'model.weak_losses.1.zero_padding': True,
        })
        cfg.model.update(options)
        model = MODELS.build(cfg.model).double().train()
        model.load_state_dict(tool.convert(network.state_dict()))
        return model

    return build


def backward(model: nn.Module, crops: Tensor, samples: list) -> dict:
    """One step without the optimizer; returns the losses."""
    losses = model.loss(crops.double(), samples)
    sum(losses.values()).backward()
    return losses


def relative_error(ours: Tensor, expected: Tensor) -> float:
    return ((ours - expected).norm() / expected.norm()).item()


def backbone_gradient(model: nn.Module) -> Tensor:
    return torch.cat(
        [param.grad.flatten() for param in model.backbone.parameters()])


@pytest.mark.parametrize('has_mask', [
    [False, True, True],
    [True, False, False],
    [False, False, False],
])
def test_step_is_that_of_the_release(network, build, tool, has_mask):
    crops, samples, targets = make_batch(has_mask)
    model = build()
    before = {name: buf.clone() for name, buf in model.named_buffers()}
    losses = backward(model, crops, samples)
    expected = release_loss(network, crops.double(), targets.double(),
                            torch.tensor(has_mask))
    expected.backward()

    assert sum(losses.values()).item() == pytest.approx(expected.item())
    ours = dict(model.named_parameters())
    for name, param in network.named_parameters():
        grad = ours[tool.to_ours(name)].grad
        if param.grad is None:
            # The release does not run these heads. DistributedDataParallel
            # needs a gradient of each parameter.
            assert not any(has_mask) and not grad.any(), name
        elif param.grad.norm() > 1e-12:
            assert relative_error(grad, param.grad) < 1e-5, name
        else:  # a bias before a BN has no gradient
            assert grad.norm() < 1e-7, name
    buffers = dict(model.named_buffers())
    for name, value in network.named_buffers():
        torch.testing.assert_close(buffers[tool.to_ours(name)], value)
    if not any(has_mask):
        assert losses['loss_pixel'] == 0
        for name, value in buffers.items():
            if name.startswith(('salient_head', 'transferred_head')):
                assert torch.equal(value, before[name]), name


def test_all_crops_change_the_step(network, build):
    crops, samples, _ = make_batch([False, True, True])
    models = dict(masked=build(), all=build(pixel_heads_on='all'))
    for model in models.values():
        backward(model, crops, samples)
    masked, all_crops = map(backbone_gradient, models.values())
    assert relative_error(all_crops, masked) > 0.05
    # In the weak head nothing changes.
    for name, param in models['all'].weak_head.named_parameters():
        other = models['masked'].weak_head.get_parameter(name)
        assert torch.equal(param.grad, other.grad), name
