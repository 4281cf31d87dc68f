"""The mask loss of a stock head, with a weight for every instance.

Letters in shapes: n instances (RoIs, positive priors) with a mask loss.
"""
from contextlib import contextmanager
from typing import Iterator, Sequence

import torch
from mmdet.models.losses import CrossEntropyLoss, DiceLoss
from mmdet.models.losses.cross_entropy_loss import mask_cross_entropy
from mmdet.models.task_modules import SamplingResult
from mmdet.utils import reduce_mean
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmboxcaseg import InputError


class InstanceWeightedLoss(nn.Module):
    """Lets a head weigh the instances of its mask loss.

    The head calls it in place of its own loss, with the same arguments, once
    or image by image; the weights are set around that::

        with self.loss_mask.weighted_by(weights):
            return super().loss_and_target(...)

    A loss that is a mean over instances becomes ``sum(w * loss) / sum(w)``.
    Weights of 1 change no bit of it.

    Args:
        loss (nn.Module): Mask cross entropy (``CrossEntropyLoss`` with
            ``use_mask``) or ``DiceLoss``.

    Attributes:
        share (Tensor): Share of the last weights that are not 0, a scalar.

    Raises:
        TypeError: It is another loss.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        if not (isinstance(loss, DiceLoss)
                or isinstance(loss, CrossEntropyLoss) and loss.use_mask):
            raise TypeError(
                f'{type(loss).__name__} cannot weigh instances as a mask '
                'loss: use CrossEntropyLoss(use_mask=True) or DiceLoss.')
        self.loss = loss
        self.weights = None
        self.share = None

    @contextmanager
    def weighted_by(self,
                    weights: Tensor,
                    across_ranks: bool = False) -> Iterator[None]:
        """Set the weights for the calls inside the context.

        Args:
            weights (Tensor): One weight in [0, 1] an instance, in the order
                of the calls, has shape (n, ).
            across_ranks (bool): Whether the head averages over the instances
                of all processes. Then all have to call this. Defaults to
                False.
        """
        self.share = weights.count_nonzero() / max(len(weights), 1)
        self.weights = scale_to_mean_one(weights, across_ranks)
        try:
            yield
        finally:
            self.weights = None

    def forward(self, pred: Tensor, target: Tensor, *args, **kwargs) -> Tensor:
        """Compute the loss of the next instances.

        Args:
            pred (Tensor): Predictions, has shape (m, ...).
            target (Tensor): Targets, has shape (m, ...).
            args: Other arguments of the loss; so are ``kwargs``.

        Returns:
            Tensor: The weighted loss.
        """
        weights = self.weights[:len(target)]
        self.weights = self.weights[len(target):]
        if isinstance(self.loss, DiceLoss):
            kwargs['weight'] = weights
            return self.loss(pred, target, *args, **kwargs)
        # What mmdet calls the weight of a class weighs any element.
        weights = weights.reshape(-1, *[1] * (target.dim() - 1))
        return self.loss.loss_weight * mask_cross_entropy(
            pred, target, *args, class_weight=weights)


class WeightedMasksMixin:
    """Makes a stock head weigh its mask loss by ``gt_instances.mask_weights``.

    To be inherited before the head. What is left to the subclass is to set
    the weights around the method that computes the loss.
    """

    # The attribute of the head that holds its mask loss.
    weighted_loss = 'loss_mask'

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        loss = getattr(self, self.weighted_loss)
        setattr(self, self.weighted_loss, InstanceWeightedLoss(loss))


def matched_weights(sampling_results: Sequence[SamplingResult],
                    batch_gt_instances: Sequence[InstanceData]) -> Tensor:
    """Look up the mask weight of what every positive sample is matched to.

    Args:
        sampling_results (Sequence[SamplingResult]): One an image.
        batch_gt_instances (Sequence[InstanceData]): One an image, with
            ``mask_weights`` of shape (num_gt, ).

    Returns:
        Tensor: Weights, has shape (n, ) for the n positive samples.

    Raises:
        InputError: The instances have no ``mask_weights``.
    """
    return torch.cat([
        mask_weights(gt)[res.pos_assigned_gt_inds]
        for res, gt in zip(sampling_results, batch_gt_instances)
    ])


def mask_weights(gt_instances: InstanceData) -> Tensor:
    """Get the mask weights of the instances of an image.

    Args:
        gt_instances (InstanceData): The instances.

    Returns:
        Tensor: Weights, has shape (num_gt, ).

    Raises:
        InputError: The instances have none.
    """
    if 'mask_weights' not in gt_instances:
        raise InputError(
            'The ground truth has no `mask_weights`, which the mask head '
            'needs. In train_pipeline use mmboxcaseg.LoadProxyAnnotations in '
            'place of LoadAnnotations, and mmboxcaseg.PackProxyInputs in '
            'place of PackDetInputs.')
    return gt_instances.mask_weights


def scale_to_mean_one(weights: Tensor, across_ranks: bool = False) -> Tensor:
    """Scale weights so that a plain mean becomes the weighted mean.

    ``sum(w * loss) / sum(w) = mean(w * n / sum(w) * loss)``. Weights of 1
    stay exactly 1, weights of 0 exactly 0.

    Args:
        weights (Tensor): Weights in [0, 1], has shape (n, ).
        across_ranks (bool): Whether the mean is one over the samples of all
            processes. Then every process has to call this. Defaults to
            False.

    Returns:
        Tensor: Scaled weights, has shape (n, ).
    """
    sums = torch.stack([weights.new_tensor(len(weights)), weights.sum()])
    count, total = reduce_mean(sums) if across_ranks else sums
    return weights * (count / total.clamp(min=1e-6))
