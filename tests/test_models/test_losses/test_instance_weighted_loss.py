import pytest
import torch
from mmdet.models.losses import CrossEntropyLoss, DiceLoss, FocalLoss
from mmengine.structures import InstanceData
from torch.nn import functional as F

from mmboxcaseg.models.losses.instance_weighted_loss import (
    InstanceWeightedLoss, mask_weights, scale_to_mean_one)

NUM, CLASSES, SIDE = 7, 3, 5
WEIGHTS = torch.tensor([1, 0, 0.5, 0.25, 0, 1, 0.1])


def cross_entropy_args() -> tuple:
    return (torch.randn(NUM, CLASSES, SIDE, SIDE, requires_grad=True),
            torch.randint(0, 2, (NUM, SIDE, SIDE)).float(),
            torch.randint(0, CLASSES, (NUM, )))


def dice_args() -> tuple:
    return (torch.randn(NUM, SIDE, SIDE, requires_grad=True),
            torch.randint(0, 2, (NUM, SIDE, SIDE)).float())


CASES = {
    'cross entropy':
    (CrossEntropyLoss(use_mask=True, loss_weight=1.7), cross_entropy_args, {}),
    'dice': (DiceLoss(eps=5e-6,
                      loss_weight=2.), dice_args, dict(avg_factor=NUM)),
}


def slow(name: str, args: tuple, weights: torch.Tensor) -> torch.Tensor:
    """sum(w * loss) / sum(w), instance by instance."""
    total = 0
    for i, weight in enumerate(weights):
        if name == 'dice':
            p, t = args[0][i].sigmoid(), args[1][i]
            loss = 2 * (1 - 2 * (p * t).sum() /
                        (p.square().sum() + t.square().sum() + 1e-5))
        else:
            loss = 1.7 * F.binary_cross_entropy_with_logits(
                args[0][i, args[2][i]], args[1][i])
        total = total + weight * loss
    return total / weights.sum()


@pytest.fixture(params=CASES)
def case(request):
    torch.manual_seed(0)
    loss, make_args, kwargs = CASES[request.param]
    return request.param, loss, make_args(), kwargs


def test_weighted_mean(case):
    name, loss, args, kwargs = case
    weighted = InstanceWeightedLoss(loss)
    with weighted.weighted_by(WEIGHTS):
        result = weighted(*args, **kwargs)
    torch.testing.assert_close(result.squeeze(), slow(name, args, WEIGHTS))
    assert weighted.share == pytest.approx(5 / 7)


@pytest.mark.parametrize('value', [1., 0.3])
def test_equal_weights(case, value):
    _, loss, args, kwargs = case
    weighted = InstanceWeightedLoss(loss)
    with weighted.weighted_by(torch.full((NUM, ), value)):
        ours = weighted(*args, **kwargs)
    stock = loss(*args, **kwargs)
    grads = [torch.autograd.grad(x, args[0])[0] for x in (ours, stock)]
    if value == 1:
        # Bit for bit.
        assert torch.equal(ours, stock) and torch.equal(*grads)
    torch.testing.assert_close(ours, stock)
    torch.testing.assert_close(*grads)


def test_weights_of_zero(case):
    _, loss, args, kwargs = case
    weighted = InstanceWeightedLoss(loss)
    with weighted.weighted_by(torch.zeros(NUM)):
        result = weighted(*args, **kwargs)
    assert result == 0 and weighted.share == 0
    result.backward()
    assert torch.equal(args[0].grad, torch.zeros_like(args[0]))


def test_one_call_or_several():
    torch.manual_seed(0)
    pred, target = dice_args()
    weighted = InstanceWeightedLoss(DiceLoss(reduction='none'))
    with weighted.weighted_by(WEIGHTS):
        whole = weighted(pred, target)
    with weighted.weighted_by(WEIGHTS):
        parts = [
            weighted(pred[i:j], target[i:j])
            for i, j in ((0, 3), (3, 3), (3, 7))
        ]
    assert torch.equal(whole, torch.cat(parts))
    assert torch.equal(whole == 0, WEIGHTS == 0)


def test_weights_are_needed(case):
    _, loss, args, kwargs = case
    with pytest.raises(TypeError):
        InstanceWeightedLoss(loss)(*args, **kwargs)


def test_no_instance():
    assert scale_to_mean_one(torch.zeros(0)).shape == (0, )


@pytest.mark.parametrize('loss', [
    FocalLoss(),
    CrossEntropyLoss(use_sigmoid=True),
])
def test_other_losses_are_refused(loss):
    with pytest.raises(TypeError, match='DiceLoss'):
        InstanceWeightedLoss(loss)


def test_instances_without_weights():
    with pytest.raises(ValueError, match='PackProxyInputs in place of'):
        mask_weights(InstanceData(labels=torch.zeros(2)))
