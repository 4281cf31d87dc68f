import math

import pytest
import torch

from mmboxcaseg.models import MILLoss
from mmboxcaseg.models.losses import mil_loss


def slow_mil_loss(pred, target) -> float:
    """Unary part of Eq. (1), bag by bag, as a mean."""
    terms = []
    for logits, mask in zip(pred.tolist(), target.tolist()):
        rows, columns = list(zip(logits, mask)), []
        for x in range(len(logits[0])):
            columns.append(
                ([row[x] for row in logits], [row[x] for row in mask]))
        for scores, labels in rows + columns:
            prob = max(1 / (1 + math.exp(-s)) for s in scores)
            positive = any(label > 0 for label in labels)
            terms.append(-math.log(prob if positive else 1 - prob))
    return sum(terms) / len(terms)


@pytest.fixture
def pred() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(3, 7, 5, requires_grad=True)


@pytest.mark.parametrize('kind', ['box', 'mask', 'empty', 'full'])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bool])
def test_against_loops(pred, kind, dtype):
    target = torch.zeros(3, 7, 5)
    if kind == 'box':
        target[0, 2:5, 1:3] = target[1, :, 4:] = target[2, 6:, :] = 1
    elif kind == 'mask':
        target = (torch.rand(3, 7, 5) < 0.1).float()
    elif kind == 'full':
        target += 1
    loss = mil_loss(pred, target.to(dtype))
    assert loss.item() == pytest.approx(slow_mil_loss(pred, target), rel=1e-5)


def test_gradient_reaches_the_maxima_only(pred):
    mil_loss(pred, torch.ones_like(pred)).backward()
    maxima = (pred == pred.amax(1, keepdim=True)) | (
        pred == pred.amax(2, keepdim=True))
    assert torch.equal(pred.grad != 0, maxima)


@pytest.mark.parametrize('value', [1e4, -1e4])
@pytest.mark.parametrize('fill', [0, 1])
def test_extreme_logits(value, fill):
    pred = torch.full((2, 4, 4), value, requires_grad=True)
    loss = mil_loss(pred, torch.full((2, 4, 4), fill))
    loss.backward()
    assert loss.item() == (0 if (value > 0) == bool(fill) else 1e4)
    assert pred.grad.isfinite().all()


def test_weight(pred):
    target = torch.rand(3, 7, 5) < 0.2
    torch.testing.assert_close(
        MILLoss(loss_weight=2.5)(pred, target), 2.5 * mil_loss(pred, target))
    assert torch.equal(MILLoss()(pred, target), mil_loss(pred, target))
