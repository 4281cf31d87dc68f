import pytest
import torch
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.models.task_modules import AssignResult, PseudoSampler
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from mmboxcaseg.models import ProxyFCNMaskHead

TRAIN_CFG = ConfigDict(mask_size=8)
# RoIs of each image, by the number of the object they belong to (from 1).
MATCHES = [[1, 2, 2, 0, 1], [3, 0, 1, 2, 3, 3]]
NUM_POSITIVE = 9


def make_image(rng, matches) -> tuple:
    """Three objects and as many RoIs as there are matches."""
    corners = torch.from_numpy(rng.uniform(0, 20, (len(matches) + 3, 2)))
    sizes = torch.from_numpy(rng.uniform(5, 12, corners.shape))
    boxes = torch.cat([corners, corners + sizes], dim=1).float()
    gt = InstanceData(
        bboxes=boxes[:3],
        labels=torch.tensor([2, 0, 1]),
        masks=BitmapMasks(
            rng.integers(0, 2, (3, 32, 32)).astype('uint8'), 32, 32))
    inds = torch.tensor(matches)
    labels = torch.where(inds > 0, gt.labels[inds - 1], -1)
    assigned = AssignResult(3, inds, (inds > 0).float(), labels=labels)
    sampled = PseudoSampler().sample(assigned, InstanceData(priors=boxes[3:]),
                                     gt)
    return gt, sampled


@pytest.fixture
def batch(rng) -> tuple:
    """Logits, sampling results and ground truths of two images."""
    torch.manual_seed(0)
    gts, sampled = zip(*[make_image(rng, matches) for matches in MATCHES])
    preds = torch.randn(NUM_POSITIVE, 3, 8, 8, requires_grad=True)
    return preds, list(sampled), list(gts)


def compute(cls, batch, **kwargs) -> dict:
    kwargs = dict(dict(num_classes=3, num_convs=1), **kwargs)
    head = cls(in_channels=4, conv_out_channels=4, **kwargs)
    return head.loss_and_target(*batch, TRAIN_CFG)


def set_weights(batch, *weights) -> None:
    for gt, values in zip(batch[2], weights):
        gt.mask_weights = torch.tensor(values, dtype=torch.float32)


def positives() -> list:
    """Image and object of every positive RoI, in the order of the logits."""
    return [(image, match - 1) for image, matches in enumerate(MATCHES)
            for match in matches if match]


@pytest.mark.parametrize('class_agnostic', [True, False])
def test_all_masks_kept_is_the_stock_head_bit_for_bit(batch, class_agnostic):
    set_weights(batch, [1, 1, 1], [1, 1, 1])
    kwargs = dict(class_agnostic=class_agnostic)
    ours = compute(ProxyFCNMaskHead, batch, **kwargs)
    stock = compute(FCNMaskHead, batch, **kwargs)
    assert torch.equal(ours['mask_targets'], stock['mask_targets'])
    ours, stock = (x['loss_mask']['loss_mask'] for x in (ours, stock))
    assert torch.equal(ours, stock)
    grads = [torch.autograd.grad(x, batch[0])[0] for x in (ours, stock)]
    assert torch.equal(*grads)


@pytest.mark.parametrize('weights', [
    ([1, 0, 1], [0, 1, 1]),
    ([0, 0, 0], [1, 0, 0]),
    ([0, 1, 0], [0, 0, 0]),
])
def test_loss_is_that_of_the_kept_rois(batch, weights):
    set_weights(batch, *weights)
    result = compute(ProxyFCNMaskHead, batch)
    loss = result['loss_mask']['loss_mask']
    preds, targets = batch[0], result['mask_targets']
    assert targets.shape == (NUM_POSITIVE, 8, 8)
    terms, kept = [], []
    for roi, (image, obj) in enumerate(positives()):
        if weights[image][obj]:
            kept.append(roi)
            label = batch[2][image].labels[obj]
            terms.append(
                torch.nn.functional.binary_cross_entropy_with_logits(
                    preds[roi, label], targets[roi]))
    assert 0 < len(kept) < NUM_POSITIVE
    torch.testing.assert_close(loss.squeeze(), sum(terms) / len(terms))
    loss.backward()
    assert torch.nonzero(preds.grad.flatten(1).any(1))[:, 0].tolist() == kept


def test_all_masks_dropped_is_zero_with_a_graph(batch):
    set_weights(batch, [0, 0, 0], [0, 0, 0])
    loss = compute(ProxyFCNMaskHead, batch)['loss_mask']['loss_mask']
    assert loss == 0
    loss.backward()
    assert torch.equal(batch[0].grad, torch.zeros_like(batch[0]))


def test_no_positive_roi(rng):
    gt, sampled = make_image(rng, [0, 0])
    gt.mask_weights = torch.ones(3)
    preds = torch.zeros(0, 3, 8, 8, requires_grad=True)
    loss = compute(ProxyFCNMaskHead,
                   (preds, [sampled], [gt]))['loss_mask']['loss_mask']
    assert loss == 0
    loss.backward()


def test_without_weights_there_is_an_error(batch):
    with pytest.raises(AttributeError, match='mask_weights'):
        compute(ProxyFCNMaskHead, batch)
