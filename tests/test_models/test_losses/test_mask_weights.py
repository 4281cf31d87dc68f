import pytest
import torch
from mask_batches import make_batch, positives, set_weights
from mmdet.models.losses import CrossEntropyLoss, DiceLoss, FocalLoss
from mmengine.structures import InstanceData
from torch.nn import functional as F

from mmboxcaseg import InputError
from mmboxcaseg.models.losses.mask_weights import (check_mask_loss, mask_share,
                                                   mask_weights,
                                                   matched_weights,
                                                   scale_to_mean_one,
                                                   weighted_mask_loss)

NUM, CLASSES, SIDE = 7, 3, 5
WEIGHTS = torch.tensor([1, 0, 0.5, 0.25, 0, 1, 0.1])
LOSS = CrossEntropyLoss(use_mask=True, loss_weight=1.7)


@pytest.fixture
def args() -> tuple:
    """Logits, targets and labels."""
    torch.manual_seed(0)
    return (torch.randn(NUM, CLASSES, SIDE, SIDE, requires_grad=True),
            torch.randint(0, 2, (NUM, SIDE, SIDE)).float(),
            torch.randint(0, CLASSES, (NUM, )))


def test_weighted_mean(args):
    """sum(w * loss) / sum(w), instance by instance."""
    pred, target, labels = args
    total = sum(
        weight *
        F.binary_cross_entropy_with_logits(pred[i, labels[i]], target[i])
        for i, weight in enumerate(WEIGHTS))
    loss = weighted_mask_loss(LOSS, *args, WEIGHTS)
    torch.testing.assert_close(loss.squeeze(), 1.7 * total / WEIGHTS.sum())


@pytest.mark.parametrize('value', [1., 0.3])
def test_equal_weights(args, value):
    ours = weighted_mask_loss(LOSS, *args, torch.full((NUM, ), value))
    stock = LOSS(*args)
    grads = [torch.autograd.grad(x, args[0])[0] for x in (ours, stock)]
    if value == 1:
        # Bit by bit.
        assert torch.equal(ours, stock) and torch.equal(*grads)
    torch.testing.assert_close(ours, stock)
    torch.testing.assert_close(*grads)


def test_weights_of_zero(args):
    loss = weighted_mask_loss(LOSS, *args, torch.zeros(NUM))
    assert loss == 0
    loss.backward()
    assert torch.equal(args[0].grad, torch.zeros_like(args[0]))


def test_no_instance(args):
    none = torch.zeros(NUM, dtype=torch.bool)
    loss = weighted_mask_loss(LOSS, *(x[none] for x in args), WEIGHTS[none])
    assert loss == 0
    loss.backward()
    assert torch.equal(args[0].grad, torch.zeros_like(args[0]))
    assert scale_to_mean_one(torch.zeros(0)).shape == (0, )
    assert mask_share(torch.zeros(0)) == 0


def test_share_of_masks():
    assert mask_share(WEIGHTS) == pytest.approx(5 / 7)


def test_weights_of_the_matched_instances(rng):
    gts, sampled = make_batch(rng)
    weights = ([1, 0.5, 0], [0.25, 0, 1])
    set_weights(gts, weights)
    expected = [weights[image][obj] for image, obj in positives()]
    assert matched_weights(sampled, gts).tolist() == expected


def test_losses_that_are_accepted():
    check_mask_loss(LOSS, CrossEntropyLoss)
    check_mask_loss(DiceLoss(), DiceLoss)


@pytest.mark.parametrize('loss, needed, message', [
    (FocalLoss(), CrossEntropyLoss, r'use CrossEntropyLoss\(use_mask=True\)'),
    (CrossEntropyLoss(use_sigmoid=True), CrossEntropyLoss, 'use_mask=True'),
    (LOSS, DiceLoss, 'use DiceLoss'),
])
def test_other_losses_are_refused(loss, needed, message):
    with pytest.raises(InputError, match=message):
        check_mask_loss(loss, needed)


def test_instances_without_weights():
    with pytest.raises(InputError, match='PackProxyInputs instead of'):
        mask_weights(InstanceData(labels=torch.zeros(2)))
