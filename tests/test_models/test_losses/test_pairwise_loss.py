import math

import pytest
import torch

from mmboxcaseg.models import PairwiseLoss
from mmboxcaseg.models.losses import pairwise_loss


def slow_pairwise_loss(pred) -> float:
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
                        # A neighbour outside the map adds nothing.
                        if 0 <= y + dy < h and 0 <= x + dx < w:
                            total += (prob[y][x] - prob[y + dy][x + dx])**2
    return total / count


@pytest.mark.parametrize('shape', [(2, 6, 5), (1, 1, 1), (1, 1, 4), (3, 4, 1)])
def test_against_loops(shape):
    torch.manual_seed(0)
    pred = torch.randn(shape)
    expected = slow_pairwise_loss(pred)
    assert pairwise_loss(pred).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('value', [-3, 0, 8])
def test_flat_map_costs_nothing(value):
    # The release pads with zeros and so punishes foreground at the border.
    assert pairwise_loss(torch.full((2, 5, 5), float(value))) == 0


def test_gradient_at_extreme_logits():
    pred = torch.tensor([[[1e4, -1e4], [-1e4, 1e4]]], requires_grad=True)
    loss = pairwise_loss(pred)
    loss.backward()
    # 8 of 32 differences of 1: two direct neighbours for each pixel
    assert loss.item() == 8 / 32
    assert pred.grad.isfinite().all()


def test_weight():
    pred = torch.randn(2, 6, 5)
    torch.testing.assert_close(PairwiseLoss()(pred),
                               0.05 * pairwise_loss(pred))
    torch.testing.assert_close(
        PairwiseLoss(loss_weight=3)(pred), 3 * pairwise_loss(pred))
