"""Base class and targets of the labeller's losses.

Letters in shapes: N crops of a batch, K of them with a mask, S side of a crop.
"""
from abc import ABCMeta, abstractmethod
from typing import NamedTuple, Optional

import torch
from torch import Tensor, nn

from mmboxcaseg import InputError


class CropTargets(NamedTuple):
    """Targets of a batch of crops.

    Attributes:
        crops (Tensor): The normalised crops, has shape (N, 3, S, S).
        boxes (Tensor): Ground-truth boxes in pixels of the crops, xyxy,
            half-open, has shape (N, 4). A box may extend beyond its crop.
        masks (Tensor): Masks of 0 and 1, has shape (K, S, S).
        has_mask (Tensor): Whether each crop has a mask; the K crops with True
            are in the order of ``masks``. Boolean, has shape (N, ).
        mask_weights (Tensor, optional): Weights of the K masks, has shape
            (K, ). None: all are 1.
    """

    crops: Tensor
    boxes: Tensor
    masks: Tensor
    has_mask: Tensor
    mask_weights: Optional[Tensor] = None

    @classmethod
    def from_samples(cls, crops: Tensor, data_samples: list) -> 'CropTargets':
        """Collect the targets of a batch.

        Args:
            crops (Tensor): Normalised crops, has shape (N, 3, S, S).
            data_samples (list[DetDataSample]): ``gt_instances`` has
                ``bboxes`` (n, 4). If masks may be used for training, it also
                has ``masks`` (n, S, S), with ``mask_weights`` (n, ) unless
                all weights are 1.

        Raises:
            InputError: A box has several crops.
        """
        all_gt = [sample.gt_instances for sample in data_samples]
        boxes = torch.cat([torch.as_tensor(gt.bboxes) for gt in all_gt])
        boxes = boxes.to(crops.device)
        if len(boxes) != len(crops):
            raise InputError(
                f'{len(crops)} crops show {len(boxes)} boxes, but in training '
                'a box has one crop: give `margins` of CropBoxes one number '
                'in the pipelines of train_dataloader.')
        # Start with an empty tensor: a batch may have no mask at all.
        masks = [crops.new_zeros(0, *crops.shape[2:])]
        masks += [gt.masks.to(crops) for gt in all_gt if 'masks' in gt]
        has_mask = ['masks' in gt for gt in all_gt for _ in range(len(gt))]
        weights = None
        if any('mask_weights' in gt for gt in all_gt):
            weights = torch.cat([
                gt.get('mask_weights', boxes.new_ones(len(gt)))
                for gt in all_gt if 'masks' in gt
            ])
        return cls(crops, boxes, torch.cat(masks),
                   boxes.new_tensor(has_mask, dtype=torch.bool), weights)

    def with_mask(self) -> 'CropTargets':
        """Select the K crops that have a mask."""
        keep = self.has_mask
        return self._replace(
            crops=self.crops[keep],
            boxes=self.boxes[keep],
            has_mask=keep[keep])


class CropLoss(nn.Module, metaclass=ABCMeta):
    """Base class of the labeller's losses.

    A new loss is a file in this folder with a registered subclass that
    defines :meth:`compute`, and an entry in ``weak_losses`` or
    ``pixel_losses`` of the config.

    Args:
        loss_weight (float): Factor of the loss. Defaults to 1.
        reduction (str): 'mean', 'sum' or 'none'. Defaults to 'mean'.
        loss_name (str, optional): Name in the log. It must start with 'loss',
            because MMEngine adds up only such losses. Defaults to the class
            name: ``MILLoss`` is logged as 'loss_mil'.

    Raises:
        InputError: ``reduction`` or ``loss_name`` is invalid.
    """

    def __init__(self,
                 loss_weight: float = 1.0,
                 reduction: str = 'mean',
                 loss_name: Optional[str] = None) -> None:
        super().__init__()
        if loss_name is None:
            name = type(self).__name__.removesuffix('Loss')
            loss_name = f'loss_{name.lower()}'
        if not loss_name.startswith('loss'):
            raise InputError(f"{loss_name=} must start with 'loss'.")
        _check_reduction(reduction)
        self.loss_weight = loss_weight
        self.reduction = reduction
        self.loss_name = loss_name

    def forward(self,
                pred: Tensor,
                targets: CropTargets,
                weight: Optional[Tensor] = None,
                avg_factor: Optional[float] = None,
                reduction_override: Optional[str] = None) -> Tensor:
        """Compute the loss.

        Args:
            pred (Tensor): Logits, has shape (N, S, S).
            targets (CropTargets): Targets of the same N crops.
            weight (Tensor, optional): Weight of each crop, has shape (N, ).
            avg_factor (float, optional): Divisor of a mean instead of the
                number of terms.
            reduction_override (str, optional): Replaces ``reduction``.

        Returns:
            Tensor: A scalar; one value per term with reduction 'none'.
        """
        reduce_args = dict(weight=weight, avg_factor=avg_factor)
        reduce_args['reduction'] = reduction_override or self.reduction
        _check_reduction(reduce_args['reduction'])
        return self.loss_weight * self.compute(pred, targets, **reduce_args)

    @abstractmethod
    def compute(self, pred: Tensor, targets: CropTargets,
                **reduce_args) -> Tensor:
        """Compute the reduced loss, without ``loss_weight``.

        Args:
            pred (Tensor): Logits, has shape (N, S, S).
            targets (CropTargets): Targets of the same N crops.
            reduce_args: ``weight``, ``reduction`` and ``avg_factor``, as for
                mmdet's ``weight_reduce_loss``.
        """


def _check_reduction(reduction: str) -> None:
    if reduction not in ('mean', 'sum', 'none'):
        raise InputError(f"{reduction=} must be 'mean', 'sum' or 'none'.")
