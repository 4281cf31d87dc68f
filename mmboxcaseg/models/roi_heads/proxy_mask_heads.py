"""The mask heads of mmdet's two-stage detectors, with mask weights.

The mask loss of an RoI is weighted with the ``mask_weights`` of its matched
instance; a dropped mask (section 3.4) has weight 0. The total is the weighted
mean of the stock head's loss over the RoIs. If all weights are 0, loss and
gradients are exactly 0 and the graph stays connected. Box losses do not
change. Ground truth without ``mask_weights`` raises an InputError.
"""
from typing import List

import torch
from mmdet.models.losses import CrossEntropyLoss
from mmdet.models.roi_heads.mask_heads import (CoarseMaskHead, FCNMaskHead,
                                               HTCMaskHead, MaskIoUHead,
                                               MaskPointHead)
from mmdet.models.task_modules import SamplingResult
from mmdet.structures.bbox import bbox2roi
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor

from mmboxcaseg.registry import MODELS
from ..losses.mask_weights import (check_mask_loss, mask_share,
                                   matched_weights, weighted_mask_loss)


class _WeightedRoIMasks:
    """Weighted ``loss_and_target`` for heads derived from FCNMaskHead."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        check_mask_loss(self.loss_mask, CrossEntropyLoss)

    def loss_and_target(self, mask_preds: Tensor,
                        sampling_results: List[SamplingResult],
                        batch_gt_instances: List[InstanceData],
                        rcnn_train_cfg: ConfigDict) -> dict:
        """See :meth:`FCNMaskHead.loss_and_target`.

        The logits have shape (num_pos, num_classes, h, w). ``loss_mask`` is a
        dict of the loss and ``mask_share``: RoI heads log all of it.
        """
        targets = self.get_targets(sampling_results, batch_gt_instances,
                                   rcnn_train_cfg)
        weights = matched_weights(sampling_results, batch_gt_instances)
        loss = weighted_mask_loss(self.loss_mask, mask_preds, targets,
                                  _mask_classes(self, sampling_results),
                                  weights)
        losses = dict(loss_mask=loss, mask_share=mask_share(weights))
        return dict(loss_mask=losses, mask_targets=targets)


def _mask_classes(head: FCNMaskHead,
                  sampling_results: List[SamplingResult]) -> Tensor:
    """Get the channel of the logits for each positive RoI, (num_pos, )."""
    labels = torch.cat([res.pos_gt_labels for res in sampling_results])
    return torch.zeros_like(labels) if head.class_agnostic else labels


@MODELS.register_module()
class ProxyFCNMaskHead(_WeightedRoIMasks, FCNMaskHead):
    """FCNMaskHead (Mask, Cascade Mask and Mask Scoring R-CNN), weighted."""


@MODELS.register_module()
class ProxyHTCMaskHead(_WeightedRoIMasks, HTCMaskHead):
    """HTCMaskHead (Hybrid Task Cascade), weighted."""


@MODELS.register_module()
class ProxyCoarseMaskHead(_WeightedRoIMasks, CoarseMaskHead):
    """CoarseMaskHead (PointRend), weighted."""


@MODELS.register_module()
class ProxyMaskPointHead(MaskPointHead):
    """MaskPointHead (PointRend), weighted."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        check_mask_loss(self.loss_point, CrossEntropyLoss)

    def loss_and_target(self, point_pred: Tensor, rel_roi_points: Tensor,
                        sampling_results: List[SamplingResult],
                        batch_gt_instances: List[InstanceData],
                        cfg: ConfigDict) -> dict:
        """See :meth:`MaskPointHead.loss_and_target`.

        The logits have shape (num_pos, num_classes, num_points).
        """
        rois = bbox2roi([res.pos_priors for res in sampling_results])
        targets = self.get_targets(rois, rel_roi_points, sampling_results,
                                   batch_gt_instances, cfg)
        weights = matched_weights(sampling_results, batch_gt_instances)
        loss = weighted_mask_loss(self.loss_point, point_pred, targets,
                                  _mask_classes(self, sampling_results),
                                  weights)
        return dict(loss_point=loss, point_target=targets)


@MODELS.register_module()
class ProxyMaskIoUHead(MaskIoUHead):
    """MaskIoUHead (Mask Scoring R-CNN), trained with masks of weight 1 only.

    The IoU with an unreliable mask says little about the predicted mask.
    """

    def get_targets(self, sampling_results: List[SamplingResult],
                    batch_gt_instances: List[InstanceData], mask_preds: Tensor,
                    mask_targets: Tensor,
                    rcnn_train_cfg: ConfigDict) -> Tensor:
        """See :meth:`MaskIoUHead.get_targets`, has shape (num_pos, ).

        The IoU is set to 0, which the stock loss ignores, for masks with
        another weight than 1.
        """
        targets = super().get_targets(sampling_results, batch_gt_instances,
                                      mask_preds, mask_targets, rcnn_train_cfg)
        weights = matched_weights(sampling_results, batch_gt_instances)
        return torch.where(weights == 1, targets, 0)
