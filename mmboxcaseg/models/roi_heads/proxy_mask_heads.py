"""The mask heads of mmdet's two-stage detectors, with mask weights.

An RoI counts in the mask loss by the ``mask_weights`` of the instance that it
is matched to ("drop", section 3.4, is weight 0): its loss is that of the stock
head, averaged with these weights. Where all are 0, loss and gradients are
exactly 0 and the graph stays connected. Box losses are not touched.
"""
from typing import List

import torch
from mmdet.models.roi_heads.mask_heads import (CoarseMaskHead, FCNMaskHead,
                                               HTCMaskHead, MaskIoUHead,
                                               MaskPointHead)
from mmdet.models.task_modules import SamplingResult
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor

from mmboxcaseg.registry import MODELS
from ..losses.instance_weighted_loss import WeightedMasksMixin, matched_weights


class _WeightedRoIMasks(WeightedMasksMixin):
    """What heads with the interface of FCNMaskHead have in common."""

    def loss_and_target(self, mask_preds: Tensor,
                        sampling_results: List[SamplingResult],
                        batch_gt_instances: List[InstanceData],
                        rcnn_train_cfg: ConfigDict) -> dict:
        """Compute the mask loss over the RoIs, weighted.

        Args:
            mask_preds (Tensor): Logits, has shape (num_pos, num_classes, h,
                w).
            sampling_results (list[SamplingResult]): One an image.
            batch_gt_instances (list[InstanceData]): One an image, with
                ``labels``, ``masks`` and ``mask_weights`` (num_gt, ).
            rcnn_train_cfg (ConfigDict): ``train_cfg`` of the RCNN.

        Returns:
            dict: ``loss_mask``, a dict of the loss and of ``mask_share``, and
            ``mask_targets``, which has shape (num_pos, h, w).

        Raises:
            InputError: The instances have no ``mask_weights``.
        """
        weights = matched_weights(sampling_results, batch_gt_instances)
        with self.loss_mask.weighted_by(weights):
            results = super().loss_and_target(mask_preds, sampling_results,
                                              batch_gt_instances,
                                              rcnn_train_cfg)
        results['loss_mask']['mask_share'] = self.loss_mask.share
        return results


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
class ProxyMaskPointHead(WeightedMasksMixin, MaskPointHead):
    """MaskPointHead (PointRend), weighted."""

    weighted_loss = 'loss_point'

    def loss_and_target(self, point_pred: Tensor, rel_roi_points: Tensor,
                        sampling_results: List[SamplingResult],
                        batch_gt_instances: List[InstanceData],
                        cfg: ConfigDict) -> dict:
        """Compute the loss of the points of all RoIs, weighted.

        Args:
            point_pred (Tensor): Logits, has shape (num_pos, num_classes,
                num_points).
            rel_roi_points (Tensor): Points relative to their RoI, has shape
                (num_pos, num_points, 2).
            sampling_results (list[SamplingResult]): One an image.
            batch_gt_instances (list[InstanceData]): One an image, with
                ``labels``, ``masks`` and ``mask_weights`` (num_gt, ).
            cfg (ConfigDict): ``train_cfg`` of the RCNN.

        Returns:
            dict: ``loss_point`` and ``point_target``, which has shape
            (num_pos, num_points).

        Raises:
            InputError: The instances have no ``mask_weights``.
        """
        weights = matched_weights(sampling_results, batch_gt_instances)
        with self.loss_point.weighted_by(weights):
            return super().loss_and_target(point_pred, rel_roi_points,
                                           sampling_results,
                                           batch_gt_instances, cfg)


@MODELS.register_module()
class ProxyMaskIoUHead(MaskIoUHead):
    """MaskIoUHead (Mask Scoring R-CNN) that learns from trusted masks only.

    The IoU with a mask of a weight below 1 says little: such RoIs take no
    part in its loss.
    """

    def get_targets(self, sampling_results: List[SamplingResult],
                    batch_gt_instances: List[InstanceData], mask_preds: Tensor,
                    mask_targets: Tensor,
                    rcnn_train_cfg: ConfigDict) -> Tensor:
        """Compute the IoU of predicted and true masks.

        Args:
            sampling_results (list[SamplingResult]): One an image.
            batch_gt_instances (list[InstanceData]): One an image, with
                ``masks`` and ``mask_weights`` (num_gt, ).
            mask_preds (Tensor): Predicted masks, has shape (num_pos, h, w).
            mask_targets (Tensor): True masks, has shape (num_pos, h, w).
            rcnn_train_cfg (ConfigDict): ``train_cfg`` of the RCNN.

        Returns:
            Tensor: IoU, has shape (num_pos, ); 0, which the loss leaves out,
            where the mask has a weight below 1.

        Raises:
            InputError: The instances have no ``mask_weights``.
        """
        targets = super().get_targets(sampling_results, batch_gt_instances,
                                      mask_preds, mask_targets, rcnn_train_cfg)
        weights = matched_weights(sampling_results, batch_gt_instances)
        return torch.where(weights == 1, targets, torch.zeros_like(targets))
