import math

import pytest
import torch

from mmboxcaseg.models import CropTargets, MapFusion, PixelLoss
from mmboxcaseg.models.losses import pixel_loss

ALPHAS = [0, 0.3, 0.7, 1]


@pytest.fixture
def maps() -> tuple:
    """Logits of both heads and the masks."""
    torch.manual_seed(0)
    salient, transferred = torch.randn(2, 3, 4, 5) * 3
    return (salient.requires_grad_(), transferred.requires_grad_(),
            torch.rand(3, 4, 5) < 0.4)


def slow_loss(salient, transferred, masks, alpha) -> float:
    """Eq. (3), pixel by pixel, as a mean."""
    terms = []
    for s, t, m in zip(*(x.flatten().tolist()
                         for x in (salient, transferred, masks))):
        prob = alpha / (1 + math.exp(-s)) + (1 - alpha) / (1 + math.exp(-t))
        terms.append(-math.log(prob if m else 1 - prob))
    return sum(terms) / len(terms)


@pytest.mark.parametrize('alpha', ALPHAS)
def test_against_loops(maps, alpha):
    salient, transferred, masks = maps
    loss = pixel_loss(MapFusion(alpha)(salient, transferred), masks)
    assert loss.item() == pytest.approx(slow_loss(*maps, alpha), rel=1e-5)


@pytest.mark.parametrize('alpha', [0.3, 0.7])
def test_logit_space_against_loops(maps, alpha):
    salient, transferred, masks = maps
    loss = pixel_loss(MapFusion(alpha, 'logit')(salient, transferred), masks)
    mixed = alpha * salient + (1 - alpha) * transferred
    expected = slow_loss(mixed, mixed, masks, 1)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_gradient_is_that_of_the_plain_formula(maps):
    salient, transferred, masks = maps
    prob = 0.7 * salient.sigmoid() + 0.3 * transferred.sigmoid()
    plain = -torch.where(masks, prob.log(), (1 - prob).log()).mean()
    expected = torch.autograd.grad(plain, (salient, transferred))
    loss = pixel_loss(MapFusion()(salient, transferred), masks)
    actual = torch.autograd.grad(loss, (salient, transferred))
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize('value', [1e4, -1e4])
@pytest.mark.parametrize('fill', [0, 1])
def test_extreme_logits(value, fill):
    pred = torch.full((1, 2, 2), value, requires_grad=True)
    loss = pixel_loss(pred, torch.full((1, 2, 2), fill))
    loss.backward()
    assert loss.item() == (0 if (value > 0) == bool(fill) else 1e4)
    assert pred.grad.isfinite().all()


def test_no_mask_in_the_batch(maps):
    salient, _, masks = maps
    none = torch.zeros(3, dtype=torch.bool)
    loss = pixel_loss(salient[none], masks[none])
    assert loss == 0
    loss.backward()
    assert torch.equal(salient.grad, torch.zeros_like(salient))


def test_module(maps):
    pred, _, masks = maps
    targets = CropTargets(
        torch.zeros(3, 3, 4, 5), torch.zeros(3, 4), masks,
        torch.ones(3, dtype=torch.bool))
    loss = PixelLoss(loss_weight=2.)(pred, targets)
    torch.testing.assert_close(loss, 2 * pixel_loss(pred, masks))
