import itertools
import math

import pytest
import torch
from torch.nn import functional as F

from mmboxcaseg.models import PairwiseLoss
from mmboxcaseg.models.losses import pairwise_loss


def slow_pairwise_loss(pred, zero_padding=False) -> float:
    """Eq. (2), pixel by pixel, as a mean over pixels and 8 neighbours."""
    total, count = 0, 0
    for logits in pred.tolist():
        h, w = len(logits), len(logits[0])
        prob = [[1 / (1 + math.exp(-s)) for s in row] for row in logits]
        for y in range(h):
            for x in range(w):
                for dy in (-1, 0, 1):
                    for dx in (-1, 0, 1):
                        if dy == dx == 0:
                            continue
                        count += 1
                        if 0 <= y + dy < h and 0 <= x + dx < w:
                            total += (prob[y][x] - prob[y + dy][x + dx])**2
                        elif zero_padding:
                            total += prob[y][x]**2
    return total / count


@pytest.mark.parametrize('zero_padding', [False, True])
@pytest.mark.parametrize('shape', [(2, 6, 5), (1, 1, 1), (1, 1, 4), (3, 4, 1)])
def test_against_loops(shape, zero_padding):
    torch.manual_seed(0)
    pred = torch.randn(shape)
    expected = slow_pairwise_loss(pred, zero_padding)
    loss = pairwise_loss(pred, zero_padding)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('zero_padding', [False, True])
def test_gradient(zero_padding):
    torch.manual_seed(0)
    pred = torch.randn(2, 5, 4, dtype=torch.float64, requires_grad=True)
    prob = pred.sigmoid()
    total = 0
    for dy, dx in itertools.product((-1, 0, 1), repeat=2):
        padded = F.pad(prob, (1, 1, 1, 1))[:, 1 + dy:6 + dy, 1 + dx:5 + dx]
        inside = F.pad(torch.ones_like(prob), (1, 1, 1, 1))[:, 1 + dy:6 + dy,
                                                            1 + dx:5 + dx]
        counts = torch.ones_like(inside) if zero_padding else inside
        total = total + (counts * (prob - padded)**2).sum()
    expected, = torch.autograd.grad(total / (8 * prob.numel()), pred)
    pairwise_loss(pred, zero_padding).backward()
    torch.testing.assert_close(pred.grad, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize('value', [-3, 0, 8])
def test_constant_map_has_no_loss(value):
    pred = torch.full((2, 5, 5), float(value))
    assert pairwise_loss(pred).item() == pytest.approx(0, abs=1e-6)
    # With padding, foreground at the border is penalised: of 25 x 8
    # neighbours, 4 x (3 x 3) + 4 x 5 = 56 are outside.
    prob = 1 / (1 + math.exp(-value))
    assert pairwise_loss(pred, True).item() == pytest.approx(
        prob**2 * 56 / 200, abs=1e-6)


def test_empty_batch():
    pred = torch.zeros(0, 4, 4, requires_grad=True)
    loss = pairwise_loss(pred)
    loss.backward()
    assert loss == 0 and pred.grad.shape == pred.shape


def test_float32_under_autocast():
    pred = torch.randn(2, 6, 5).bfloat16()
    with torch.autocast('cpu', torch.bfloat16):
        loss = pairwise_loss(pred)
    torch.testing.assert_close(loss, pairwise_loss(pred.float()))


def test_gradient_at_extreme_logits():
    pred = torch.tensor([[[1e4, -1e4], [-1e4, 1e4]]], requires_grad=True)
    loss = pairwise_loss(pred)
    loss.backward()
    # 8 of 32 differences are 1: each pixel has two direct neighbours.
    assert loss.item() == 8 / 32
    assert pred.grad.isfinite().all()


def test_module():
    pred = torch.randn(2, 6, 5)
    torch.testing.assert_close(PairwiseLoss()(pred, None),
                               0.05 * pairwise_loss(pred))
    torch.testing.assert_close(
        PairwiseLoss(zero_padding=True, loss_weight=3)(pred, None),
        3 * pairwise_loss(pred, True))


@pytest.mark.parametrize('zero_padding', [False, True])
def test_loss_of_each_map(zero_padding):
    pred = torch.randn(3, 6, 5)
    each = pairwise_loss(pred, zero_padding, reduction='none')
    assert each.tolist() == pytest.approx(
        [slow_pairwise_loss(one[None], zero_padding) for one in pred])
