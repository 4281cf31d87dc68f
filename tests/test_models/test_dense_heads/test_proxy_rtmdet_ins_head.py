import pytest
import torch
from mask_batches import (NUM_CLASSES, NUM_POSITIVE, SIZE, make_batch,
                          positives, set_weights)
from mmdet.models.dense_heads import RTMDetInsHead, RTMDetInsSepBNHead

from mmboxcaseg import InputError
from mmboxcaseg.models import ProxyRTMDetInsHead, ProxyRTMDetInsSepBNHead

WEIGHTS = ([1, 0, 0.5], [0, 0.25, 1])
PAIRS = [(ProxyRTMDetInsHead, RTMDetInsHead),
         (ProxyRTMDetInsSepBNHead, RTMDetInsSepBNHead)]


def build(cls, **options):
    return cls(
        num_classes=NUM_CLASSES,
        in_channels=32,
        feat_channels=32,
        stacked_convs=1,
        num_prototypes=4,
        anchor_generator=dict(
            type='mmdet.MlvlPointGenerator', offset=0, strides=[8, 16, 32]),
        bbox_coder=dict(type='mmdet.DistancePointBBoxCoder'),
        loss_cls=dict(type='mmdet.QualityFocalLoss', use_sigmoid=True),
        loss_bbox=dict(type='mmdet.GIoULoss'),
        train_cfg=dict(
            assigner=dict(type='mmdet.DynamicSoftLabelAssigner', topk=13)),
        **options)


@pytest.fixture
def batch(rng) -> tuple:
    """Prototypes, kernels, matches and ground truths of two images."""
    torch.manual_seed(0)
    gts, sampled = make_batch(rng)
    for gt in gts:
        gt.masks = gt.masks.to_tensor(torch.bool, 'cpu')
    feats = torch.randn(2, 4, SIZE // 8, SIZE // 8, requires_grad=True)
    num_priors = max(result.pos_inds.max() for result in sampled) + 1
    head = build(ProxyRTMDetInsHead)
    num_params = sum(head.weight_nums) + sum(head.bias_nums)
    kernels = torch.randn(2, num_priors, num_params, requires_grad=True)
    return feats, kernels, sampled, gts


@pytest.mark.parametrize('ours, stock', PAIRS)
def test_weights_of_1_are_the_stock_head_bit_by_bit(batch, ours, stock):
    set_weights(batch[3], [[1] * 3] * 2)
    losses = build(ours).loss_mask_by_feat(*batch)
    assert torch.equal(losses['loss_mask'],
                       build(stock).loss_mask_by_feat(*batch))
    assert losses['mask_share'] == 1


def test_loss_is_the_weighted_mean(batch):
    """The loss of one instance is that of a batch with only its weight."""
    head = build(ProxyRTMDetInsHead)
    alone = []
    for i, (image, obj) in enumerate(positives()):
        weights = [[0.] * 3, [0.] * 3]
        weights[image][obj] = 1.
        set_weights(batch[3], weights)
        alone.append(head.loss_mask_by_feat(*batch)['loss_mask'])
    # Samples of the same object were averaged; that does not change the sum.
    weights = torch.tensor([WEIGHTS[image][obj] for image, obj in positives()])
    expected = (torch.stack(alone) * weights).sum() / weights.sum()
    set_weights(batch[3], WEIGHTS)
    losses = head.loss_mask_by_feat(*batch)
    torch.testing.assert_close(losses['loss_mask'], expected)
    assert losses['mask_share'] == pytest.approx(
        weights.count_nonzero().item() / NUM_POSITIVE)
    losses['loss_mask'].backward()
    assert batch[1].grad.any()
    for image, result in enumerate(batch[2]):
        used = batch[1].grad[image, result.pos_inds].any(dim=1)
        expected = batch[3][image].mask_weights[result.pos_assigned_gt_inds]
        assert torch.equal(used, expected > 0)


def test_no_mask_is_zero_with_a_graph(batch):
    set_weights(batch[3], [[0] * 3] * 2)
    losses = build(ProxyRTMDetInsHead).loss_mask_by_feat(*batch)
    assert losses['loss_mask'] == 0 and losses['mask_share'] == 0
    losses['loss_mask'].backward()
    assert torch.equal(batch[1].grad, torch.zeros_like(batch[1]))


def test_loss_module_is_back_after_an_error(batch):
    head = build(ProxyRTMDetInsHead)
    set_weights(batch[3], WEIGHTS)
    feats, *rest = batch
    with pytest.raises(Exception):
        head.loss_mask_by_feat(feats[:, :1], *rest)
    assert isinstance(head.loss_mask, torch.nn.Module)


def test_refused_inputs(batch):
    with pytest.raises(InputError, match='mask_weights'):
        build(ProxyRTMDetInsHead).loss_mask_by_feat(*batch)
    loss = dict(type='mmdet.CrossEntropyLoss', use_mask=True)
    with pytest.raises(InputError, match='use DiceLoss'):
        build(ProxyRTMDetInsHead, loss_mask=loss)
