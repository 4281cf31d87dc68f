import pytest
import torch
from mmdet.models.losses.utils import weight_reduce_loss
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmboxcaseg import InputError
from mmboxcaseg.models import CropTargets, MILLoss, PairwiseLoss, PixelLoss
from mmboxcaseg.models.losses import CropLoss

SIZE = 6
LOSSES = (MILLoss, PairwiseLoss, PixelLoss)


@pytest.fixture
def targets() -> CropTargets:
    """Three crops, all with a mask."""
    torch.manual_seed(0)
    masks = (torch.rand(3, SIZE, SIZE) < 0.5).float()
    boxes = torch.tensor([[1., 1, 4, 5]] * 3)
    return CropTargets(
        torch.randn(3, 3, SIZE, SIZE), boxes, masks,
        torch.ones(3, dtype=torch.bool))


@pytest.fixture
def pred() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(3, SIZE, SIZE, requires_grad=True)


def test_targets_of_a_batch():
    crops = torch.randn(4, 3, SIZE, SIZE)
    boxes = torch.rand(4, 4)
    mask = torch.rand(1, SIZE, SIZE) < 0.5
    parts = boxes.split([2, 1, 1])
    samples = [
        DetDataSample(gt_instances=InstanceData(bboxes=part)) for part in parts
    ]
    samples[1].gt_instances.masks = mask
    targets = CropTargets.from_samples(crops, samples)
    assert targets.crops is crops
    assert torch.equal(targets.boxes, boxes)
    assert torch.equal(targets.masks, mask.float())
    assert targets.has_mask.tolist() == [False, False, True, False]

    masked = targets.with_mask()
    assert torch.equal(masked.crops, crops[2:3])
    assert torch.equal(masked.boxes, boxes[2:3])
    assert torch.equal(masked.masks, mask.float())
    assert masked.has_mask.tolist() == [True]


def test_targets_without_masks():
    crops = torch.randn(2, 3, SIZE, SIZE)
    gt = InstanceData(bboxes=torch.rand(2, 4))
    targets = CropTargets.from_samples(crops, [DetDataSample(gt_instances=gt)])
    assert targets.masks.shape == (0, SIZE, SIZE)
    assert not targets.has_mask.any()
    assert len(targets.with_mask().crops) == 0


def test_several_crops_of_a_box_in_training():
    gt = InstanceData(bboxes=torch.rand(2, 4))
    with pytest.raises(InputError, match='4 crops show 2 boxes.*`margins`'):
        CropTargets.from_samples(
            torch.randn(4, 3, SIZE, SIZE), [DetDataSample(gt_instances=gt)])


@pytest.mark.parametrize('cls', LOSSES)
def test_reduction_is_that_of_mmdet(cls, pred, targets):
    loss = cls(loss_weight=2.)
    weight = torch.tensor([0.5, 0, 2])
    terms = loss(pred, targets, reduction_override='none')
    assert len(terms) == 3
    weights = weight.reshape(-1, *[1] * (terms.dim() - 1))
    for reduction in ('none', 'sum', 'mean'):
        for one in (None, weight):
            torch.testing.assert_close(
                loss(pred, targets, one, reduction_override=reduction),
                weight_reduce_loss(terms, None if one is None else weights,
                                   reduction))
    torch.testing.assert_close(
        loss(pred, targets, weight, avg_factor=1.7),
        weight_reduce_loss(terms, weights, 'mean', 1.7))
    summed = cls(loss_weight=2., reduction='sum')
    torch.testing.assert_close(summed(pred, targets), terms.sum())


@pytest.mark.parametrize('cls', LOSSES)
def test_gradient_of_the_weighted_loss(cls, pred, targets):
    loss, weight = cls(), torch.tensor([0.5, 0, 2])
    terms = loss(pred, targets, weight, reduction_override='none')
    expected, = torch.autograd.grad(terms.mean(), pred)
    loss(pred, targets, weight).backward()
    torch.testing.assert_close(pred.grad, expected)
    assert not pred.grad[1].any() and pred.grad[2].any()


@pytest.mark.parametrize('cls, name', [
    (MILLoss, 'loss_mil'),
    (PairwiseLoss, 'loss_pairwise'),
    (PixelLoss, 'loss_pixel'),
])
def test_names(cls, name):
    assert cls().loss_name == name
    assert cls(loss_name='loss_other').loss_name == 'loss_other'
    # mmengine would log such a loss, but not train with it.
    with pytest.raises(InputError, match="'mil' must start with 'loss'"):
        cls(loss_name='mil')


def test_invalid_reduction(pred, targets):
    with pytest.raises(InputError, match="reduction='max' must be"):
        MILLoss(reduction='max')
    with pytest.raises(InputError, match="reduction='max' must be"):
        MILLoss()(pred, targets, reduction_override='max')


def test_base_class_computes_nothing():
    with pytest.raises(TypeError, match='abstract method compute'):
        CropLoss(1., 'mean', 'loss')
