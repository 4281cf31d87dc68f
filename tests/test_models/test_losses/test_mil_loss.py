import math

import pytest
import torch

from mmboxcaseg.models import CropTargets, MILLoss
from mmboxcaseg.models.losses import box_bags, mask_bags, mil_loss


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
    loss = mil_loss(pred, mask_bags(target.to(dtype)))
    assert loss.item() == pytest.approx(slow_mil_loss(pred, target), rel=1e-5)


def fill(box, height, width) -> torch.Tensor:
    """The pixels whose centre is inside a box, one by one."""
    x0, y0, x1, y1 = box
    return torch.tensor([[
        float(x0 <= x + 0.5 < x1 and y0 <= y + 0.5 < y1) for x in range(width)
    ] for y in range(height)])


BOXES = [[1, 2, 3, 5], [-2, 1, 2.6, 9], [0, 0, 5, 7], [2.4, 3.6, 2.6, 9],
         [0.51, 0.49, 4.5, 6.51], [-4, 1, -1, 5], [1, 8, 3, 11]]


def test_bags_of_boxes_equal_those_of_filled_boxes():
    labels, valid = box_bags(torch.tensor(BOXES), (7, 5))
    filled = torch.stack([fill(box, 7, 5) for box in BOXES])
    assert torch.equal(labels, mask_bags(filled))
    assert valid.all()


@pytest.mark.parametrize('box, cut_x, cut_y', [
    ([1, 2, 3, 5], False, False),
    ([0, 0, 5, 7], False, False),
    ([-0.4, 2, 5.4, 7.4], False, False),
    ([-2, 2, 3, 5], True, False),
    ([1, 2, 6, 5], True, False),
    ([1, -3, 3, 5], False, True),
    ([1, 2, 3, 8], False, True),
    ([-2, -2, 9, 9], True, True),
])
def test_cut_bags_can_be_ignored(box, cut_x, cut_y):
    boxes = torch.tensor([box])
    labels, valid = box_bags(boxes, (7, 5), ignore_cut=True)
    assert torch.equal(labels, box_bags(boxes, (7, 5))[0])
    # The hidden part of the object lies along the ignored bags.
    assert torch.equal(valid[0, :7], ~labels[0, :7] | (not cut_x))
    assert torch.equal(valid[0, 7:], ~labels[0, 7:] | (not cut_y))


def test_only_valid_bags_count(pred):
    labels, valid = torch.rand(2, 3, 12) < 0.5
    bags = torch.cat([pred.amax(2), pred.amax(1)], dim=1).sigmoid()
    terms = -torch.where(labels, bags, 1 - bags).log()
    torch.testing.assert_close(
        mil_loss(pred, labels, valid), terms[valid].mean())


@pytest.mark.parametrize('num', [0, 2])
def test_no_valid_bag(num):
    pred = torch.randn(num, 4, 4, requires_grad=True)
    none = torch.zeros(num, 8, dtype=torch.bool)
    loss = mil_loss(pred, none, none)
    loss.backward()
    assert loss == 0
    assert torch.equal(pred.grad, torch.zeros_like(pred))


def test_float32_under_autocast(pred):
    labels = torch.rand(3, 12) < 0.5
    with torch.autocast('cpu', torch.bfloat16):
        low = mil_loss(pred.bfloat16(), labels)
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, mil_loss(pred.bfloat16().float(), labels))


def test_gradient_reaches_the_maxima_only(pred):
    mil_loss(pred, torch.ones(3, 12)).backward()
    maxima = (pred == pred.amax(1, keepdim=True)) | (
        pred == pred.amax(2, keepdim=True))
    assert torch.equal(pred.grad != 0, maxima)


@pytest.mark.parametrize('value', [1e4, -1e4])
@pytest.mark.parametrize('fill', [0, 1])
def test_extreme_logits(value, fill):
    pred = torch.full((2, 4, 4), value, requires_grad=True)
    loss = mil_loss(pred, torch.full((2, 8), fill))
    loss.backward()
    assert loss.item() == (0 if (value > 0) == bool(fill) else 1e4)
    assert pred.grad.isfinite().all()


@pytest.mark.parametrize('ignore_cut', [False, True])
def test_module(pred, ignore_cut):
    boxes = torch.tensor([[-3., 1, 2, 4], [0, 0, 1, 1], [2, -2, 5, 4]])
    masks = torch.rand(1, 7, 5) < 0.1
    has_mask = torch.tensor([False, True, False])
    labels, valid = box_bags(boxes, (7, 5), ignore_cut)
    # The second crop is labelled by its mask, not by its box.
    labels[1] = mask_bags(masks)
    targets = CropTargets(torch.zeros(3, 3, 7, 5), boxes, masks, has_mask)
    loss = MILLoss(ignore_cut, loss_weight=2.5)(pred, targets)
    torch.testing.assert_close(loss, 2.5 * mil_loss(pred, labels, valid))
    assert valid[1].all() and valid.all() != ignore_cut
