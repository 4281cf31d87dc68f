"""Weights of masks in the mask losses of mmdet's detection heads.

Letters in shapes: n instances with a mask loss (RoIs or positive priors).
"""
from typing import Sequence, Type

import torch
from mmdet.models.losses import CrossEntropyLoss
from mmdet.models.losses.cross_entropy_loss import mask_cross_entropy
from mmdet.models.task_modules import SamplingResult
from mmdet.utils import reduce_mean
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmboxcaseg import InputError


def mask_weights(gt_instances: InstanceData) -> Tensor:
    """Get the weights of the masks of an image.

    Args:
        gt_instances (InstanceData): Its num_gt instances.

    Returns:
        Tensor: Weights in [0, 1], has shape (num_gt, ).

    Raises:
        InputError: The instances have no ``mask_weights``.
    """
    if 'mask_weights' not in gt_instances:
        raise InputError(
            'The ground truth has no `mask_weights`, which the mask head '
            'needs. In train_pipeline use mmboxcaseg.LoadProxyAnnotations '
            'instead of LoadAnnotations, and mmboxcaseg.PackProxyInputs '
            'instead of PackDetInputs.')
    return gt_instances.mask_weights


def matched_weights(sampling_results: Sequence[SamplingResult],
                    batch_gt_instances: Sequence[InstanceData]) -> Tensor:
    """Get the mask weights of the instances that samples are matched to.

    Args:
        sampling_results (Sequence[SamplingResult]): One per image.
        batch_gt_instances (Sequence[InstanceData]): One per image, see
            :func:`mask_weights`.

    Returns:
        Tensor: A weight for each of the n positive samples of the batch, has
        shape (n, ).
    """
    return torch.cat([
        mask_weights(gt)[res.pos_assigned_gt_inds]
        for res, gt in zip(sampling_results, batch_gt_instances)
    ])


def mask_share(weights: Tensor) -> Tensor:
    """Share of the weights (n, ) that are not 0, a scalar for the log."""
    return weights.count_nonzero() / max(len(weights), 1)


def scale_to_mean_one(weights: Tensor, across_ranks: bool = False) -> Tensor:
    """Scale weights (n, ) so that a plain mean becomes the weighted mean.

    ``sum(w * loss) / sum(w) = mean(w * n / sum(w) * loss)``. Weights that are
    all 1 stay exactly 1, weights of 0 stay exactly 0.

    Args:
        weights (Tensor): Weights in [0, 1], has shape (n, ).
        across_ranks (bool): Whether the mean is over the samples of all
            processes; all of them must then call this. Defaults to False.

    Returns:
        Tensor: Scaled weights, has shape (n, ).
    """
    sums = torch.stack([weights.new_tensor(len(weights)), weights.sum()])
    count, total = reduce_mean(sums) if across_ranks else sums
    return weights * (count / total.clamp(min=1e-6))


def weighted_mask_loss(loss: CrossEntropyLoss, pred: Tensor, target: Tensor,
                       labels: Tensor, weights: Tensor) -> Tensor:
    """Mask cross-entropy of RoIs as a weighted mean over the RoIs.

    Args:
        loss (CrossEntropyLoss): The loss of the head, with ``use_mask``.
        pred (Tensor): Logits, has shape (n, num_classes, ...).
        target (Tensor): Targets, has shape (n, ...).
        labels (Tensor): The class of ``pred`` to use, has shape (n, ).
        weights (Tensor): Weights in [0, 1], has shape (n, ).

    Returns:
        Tensor: Bit-identical to the stock loss if all weights are 1; 0 with a
        gradient if all are 0 or n = 0.
    """
    if not len(pred):
        return pred.sum()
    # mmdet's mask cross-entropy has no weight per instance. It multiplies by
    # its class_weight element by element, so any shape that broadcasts works.
    scaled = scale_to_mean_one(weights).reshape(-1, *[1] * (target.dim() - 1))
    return loss.loss_weight * mask_cross_entropy(
        pred, target, labels, class_weight=scaled)


def check_mask_loss(loss: nn.Module, needed: Type[nn.Module]) -> None:
    """Check that the loss of a mask head can be weighted per instance.

    Args:
        loss (nn.Module): The mask loss of the config.
        needed (type): The loss class that the weighted head supports.

    Raises:
        InputError: The loss is not of this class, or not a mask loss.
    """
    if not isinstance(loss, needed) or not getattr(loss, 'use_mask', True):
        option = '(use_mask=True)' if needed is CrossEntropyLoss else ''
        raise InputError(
            f'The mask loss {type(loss).__name__} cannot be weighted per '
            f'instance in this head: use {needed.__name__}{option}.')
