import pytest
import torch
from mask_batches import (MATCHES, NUM_CLASSES, NUM_POSITIVE, make_batch,
                          positives, set_weights)
from mmdet.models.roi_heads import mask_heads as stock_heads
from mmengine.config import ConfigDict
from torch.nn import functional as F

from mmboxcaseg import InputError
from mmboxcaseg.models import roi_heads
from mmboxcaseg.models.roi_heads import ProxyMaskIoUHead

TRAIN_CFG = ConfigDict(mask_size=8, mask_thr_binary=0.5, num_points=64)
# Heads with the interface of FCNMaskHead, and that of points.
HEADS = ('FCNMaskHead', 'HTCMaskHead', 'CoarseMaskHead', 'MaskPointHead')
ALL_ONES = ([1, 1, 1], [1, 1, 1])
ALL_ZEROS = ([0, 0, 0], [0, 0, 0])


@pytest.fixture
def batch(rng) -> tuple:
    """Logits, ground truths and sampling results of two images."""
    torch.manual_seed(0)
    preds = torch.randn(NUM_POSITIVE, NUM_CLASSES, 8, 8, requires_grad=True)
    return preds, *make_batch(rng)


def compute(name: str, batch: tuple, **kwargs) -> tuple:
    """Loss, targets and mask share of a head, ours or mmdet's."""
    preds, gts, sampled = batch
    module = roi_heads if name.startswith('Proxy') else stock_heads
    if name.endswith('PointHead'):
        head = getattr(module, name)(num_classes=NUM_CLASSES, **kwargs)
        torch.manual_seed(1)
        points = torch.rand(NUM_POSITIVE, 64, 2)
        result = head.loss_and_target(
            point_pred=preds.flatten(2),
            rel_roi_points=points,
            sampling_results=sampled,
            batch_gt_instances=gts,
            cfg=TRAIN_CFG)
        return result['loss_point'], result['point_target'], None
    head = getattr(module, name)(
        num_classes=NUM_CLASSES,
        num_convs=1,
        in_channels=4,
        conv_out_channels=4,
        **kwargs)
    result = head.loss_and_target(preds, sampled, gts, TRAIN_CFG)
    losses = result['loss_mask']
    return (losses['loss_mask'], result['mask_targets'],
            losses.get('mask_share'))


@pytest.mark.parametrize('name', HEADS)
@pytest.mark.parametrize('class_agnostic', [True, False])
def test_weights_of_1_are_the_stock_head_bit_by_bit(batch, name,
                                                    class_agnostic):
    set_weights(batch[1], ALL_ONES)
    (ours, targets, share), (stock, stock_targets, _) = (
        compute(prefix + name, batch, class_agnostic=class_agnostic)
        for prefix in ('Proxy', ''))
    assert torch.equal(targets, stock_targets)
    assert torch.equal(ours, stock)
    assert share is None or share == 1
    grads = [torch.autograd.grad(x, batch[0])[0] for x in (ours, stock)]
    assert torch.equal(*grads)


@pytest.mark.parametrize('name', HEADS)
@pytest.mark.parametrize('weights', [
    ([1, 0, 1], [0, 1, 1]),
    ([0, 0, 0], [1, 0, 0]),
    ([0, 1, 0], [0, 0, 0]),
    ([0.5, 1, 0], [0.01, 0, 0.75]),
])
def test_loss_is_the_weighted_mean(batch, name, weights):
    set_weights(batch[1], weights)
    loss, targets, share = compute(f'Proxy{name}', batch)
    preds = batch[0].flatten(2)
    terms, total, kept = [], 0, []
    for roi, (image, obj) in enumerate(positives()):
        weight = weights[image][obj]
        if weight:
            kept.append(roi)
        label = batch[1][image].labels[obj]
        terms.append(weight * F.binary_cross_entropy_with_logits(
            preds[roi, label], targets[roi].flatten()))
        total += weight
    torch.testing.assert_close(loss.squeeze(), sum(terms) / total)
    if share is not None:
        assert share == pytest.approx(len(kept) / NUM_POSITIVE)
    loss.backward()
    trained = batch[0].grad.flatten(1).any(dim=1)
    assert trained.nonzero().flatten().tolist() == kept


@pytest.mark.parametrize('name', HEADS)
def test_gradient_equals_that_without_the_dropped_instances(batch, rng, name):
    """For the remaining RoIs."""
    set_weights(batch[1], ([1, 0, 1], [0, 1, 1]))
    preds, gts, sampled = batch
    compute(f'Proxy{name}', batch)[0].backward()
    weights = torch.tensor(
        [gts[image].mask_weights[obj] for image, obj in positives()])
    targets = compute(f'Proxy{name}', batch)[1]
    labels = torch.tensor([gts[i].labels[obj] for i, obj in positives()])
    alone = preds.detach()[weights > 0].requires_grad_()
    rois = torch.arange(len(alone))
    F.binary_cross_entropy_with_logits(
        alone.flatten(2)[rois, labels[weights > 0]],
        targets[weights > 0].flatten(1)).backward()
    torch.testing.assert_close(preds.grad[weights > 0], alone.grad)


@pytest.mark.parametrize('name', HEADS)
def test_weights_of_0_are_zero_with_a_graph(batch, name):
    set_weights(batch[1], ALL_ZEROS)
    loss, _, share = compute(f'Proxy{name}', batch)
    assert loss == 0 and not share
    loss.backward()
    assert torch.equal(batch[0].grad, torch.zeros_like(batch[0]))


@pytest.mark.parametrize('name', HEADS[:3])
def test_no_positive_roi(rng, name):
    gts, sampled = make_batch(rng, [[0, 0]])
    set_weights(gts, ALL_ONES)
    preds = torch.zeros(0, NUM_CLASSES, 8, 8, requires_grad=True)
    loss, _, share = compute(f'Proxy{name}', (preds, gts, sampled))
    assert loss == 0 and share == 0
    loss.backward()


@pytest.mark.parametrize('name', HEADS)
def test_parameter_names_are_those_of_the_stock_head(name):
    kwargs = dict(num_classes=NUM_CLASSES)
    assert (getattr(roi_heads,
                    f'Proxy{name}')(**kwargs).state_dict().keys() == getattr(
                        stock_heads, name)(**kwargs).state_dict().keys())


@pytest.mark.parametrize('name', HEADS)
def test_missing_weights_are_refused(batch, name):
    with pytest.raises(InputError, match='mask_weights'):
        compute(f'Proxy{name}', batch)


def test_mask_iou_is_trained_on_masks_of_weight_1(batch):
    preds, gts, sampled = batch
    weights = ([1, 0.5, 1], [0, 1, 1])
    set_weights(gts, weights)
    kwargs = dict(roi_feat_size=4, in_channels=2, num_classes=NUM_CLASSES)
    targets = compute('FCNMaskHead', batch)[1]
    args = (sampled, gts, preds[:, 0].sigmoid(), targets, TRAIN_CFG)
    ours = ProxyMaskIoUHead(**kwargs).get_targets(*args)
    stock = stock_heads.MaskIoUHead(**kwargs).get_targets(*args)
    assert (stock > 0).all()
    for roi, (image, obj) in enumerate(positives(MATCHES)):
        full = weights[image][obj] == 1
        assert ours[roi] == (stock[roi] if full else 0)


def test_other_losses_are_refused():
    with pytest.raises(InputError, match='use CrossEntropyLoss'):
        roi_heads.ProxyFCNMaskHead(loss_mask=dict(type='mmdet.DiceLoss'))
    with pytest.raises(InputError, match='use CrossEntropyLoss'):
        roi_heads.ProxyMaskPointHead(
            num_classes=3, loss_point=dict(type='mmdet.DiceLoss'))
