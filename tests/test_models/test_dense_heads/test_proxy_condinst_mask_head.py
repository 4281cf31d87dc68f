from typing import List

import pytest
import torch
from mask_batches import SIZE, make_batch, positives, set_weights
from mmdet.models.dense_heads import CondInstMaskHead
from mmengine.structures import InstanceData

from mmboxcaseg import InputError
from mmboxcaseg.models import ProxyCondInstMaskHead
from mmboxcaseg.registry import MODELS

STRIDE = 4
WEIGHTS = ([1, 0, 0.5], [0, 0.25, 1])
CFG = dict(
    mask_feature_head=dict(
        in_channels=4,
        feat_channels=4,
        start_level=0,
        end_level=0,
        out_channels=4,
        mask_stride=8,
        num_stacked_convs=1),
    mask_out_stride=STRIDE,
    loss_mask=dict(
        type='mmdet.DiceLoss', use_sigmoid=True, activate=True, eps=5e-6))


@pytest.fixture
def batch(rng) -> tuple:
    """Logits of the positive locations, ground truths and matches."""
    torch.manual_seed(0)
    gts, sampled = make_batch(rng)
    preds, infos = [], []
    for result in sampled:
        inds = result.pos_assigned_gt_inds
        preds.append(
            torch.randn(
                len(inds), SIZE // STRIDE, SIZE // STRIDE, requires_grad=True))
        infos.append(
            InstanceData(
                pos_assigned_gt_inds=inds,
                scores=torch.randn(len(inds), 3),
                centernesses=torch.randn(len(inds))))
    return preds, gts, infos


def compute(batch: tuple, cls=ProxyCondInstMaskHead, **options) -> dict:
    preds, gts, infos = batch
    head = cls(**CFG, **options)
    return head.loss_by_feat(preds, gts, [{}, {}], infos)


def dice(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    prob = logits.sigmoid()
    return 1 - 2 * (prob * target).sum() / (
        prob.square().sum() + target.square().sum() + 1e-5)


def slow_terms(batch: tuple) -> List[torch.Tensor]:
    """The loss of each positive location."""
    preds, gts, _ = batch
    logits = [one for image in preds for one in image]
    half = STRIDE // 2
    terms = []
    for one, (image, obj) in zip(logits, positives()):
        masks = gts[image].masks.to_tensor(torch.float32, 'cpu')
        terms.append(dice(one, masks[obj, half::STRIDE, half::STRIDE]))
    return terms


def test_weights_of_1_are_the_stock_head_bit_by_bit(batch):
    set_weights(batch[1], [[1] * 3] * 2)
    losses = compute(batch)
    stock = compute(batch, CondInstMaskHead)
    assert torch.equal(losses['loss_mask'], stock['loss_mask'])
    assert losses['mask_share'] == 1


def test_loss_is_the_weighted_mean(batch):
    set_weights(batch[1], WEIGHTS)
    losses = compute(batch)
    # Locations of dropped masks do not count as positive locations.
    weights = torch.tensor([WEIGHTS[image][obj] for image, obj in positives()])
    expected = (torch.stack(slow_terms(batch)) * weights).sum()
    torch.testing.assert_close(losses['loss_mask'], expected / weights.sum())
    assert losses['mask_share'] == pytest.approx((weights
                                                  > 0).float().mean().item())
    losses['loss_mask'].backward()
    grads = torch.cat([preds.grad.flatten(1).any(1) for preds in batch[0]])
    assert torch.equal(grads, weights > 0)


def test_dropped_masks_do_not_use_up_the_limit(batch):
    set_weights(batch[1], ([0, 1, 0], [0, 1, 0]))
    # 2 + 1 locations are kept, so a limit of 2 leaves 2 + 1.
    full, limited = compute(batch), compute(batch, max_masks_to_train=2)
    torch.testing.assert_close(limited['loss_mask'], full['loss_mask'])


def test_no_mask_is_zero_with_a_graph(batch):
    set_weights(batch[1], [[0] * 3] * 2)
    losses = compute(batch)
    assert losses['loss_mask'] == 0 and losses['mask_share'] == 0
    losses['loss_mask'].backward()
    for preds in batch[0]:
        assert torch.equal(preds.grad, torch.zeros_like(preds))


def test_refused_inputs(batch):
    with pytest.raises(InputError, match='mask_weights'):
        compute(batch)
    cfg = dict(CFG, type='mmboxcaseg.ProxyCondInstMaskHead')
    cfg['loss_mask'] = dict(type='mmdet.CrossEntropyLoss', use_mask=True)
    with pytest.raises(InputError, match='use DiceLoss'):
        MODELS.build(cfg)
