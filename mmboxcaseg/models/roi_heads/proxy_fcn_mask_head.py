from typing import List

import torch
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.models.task_modules import SamplingResult
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor

from mmboxcaseg.registry import MODELS


@MODELS.register_module()
class ProxyFCNMaskHead(FCNMaskHead):
    """A mask head that learns only from the masks it may trust.

    An RoI whose matched instance has ``mask_weights`` 0 takes no part in the
    mask loss ("drop", section 3.4); its box is learnt all the same.

    Args:
        kwargs: Arguments of :class:`mmdet.models.FCNMaskHead`.
    """

    def loss_and_target(self, mask_preds: Tensor,
                        sampling_results: List[SamplingResult],
                        batch_gt_instances: List[InstanceData],
                        rcnn_train_cfg: ConfigDict) -> dict:
        """Compute the mask loss over the RoIs whose mask is kept.

        Args:
            mask_preds (Tensor): Logits, has shape (num_pos, num_classes, h,
                w).
            sampling_results (list[SamplingResult]): One an image.
            batch_gt_instances (list[InstanceData]): One an image, with
                ``labels``, ``masks`` and ``mask_weights`` (num_gt, ).
            rcnn_train_cfg (ConfigDict): ``train_cfg`` of the RCNN.

        Returns:
            dict: ``loss_mask``, a dict of losses, and ``mask_targets``,
            which has shape (num_pos, h, w). The loss is 0, with a gradient
            of 0, where no RoI is left.

        Raises:
            AttributeError: The instances have no ``mask_weights``.
        """
        mask_targets = self.get_targets(sampling_results, batch_gt_instances,
                                        rcnn_train_cfg)
        labels = torch.cat([res.pos_gt_labels for res in sampling_results])
        if self.class_agnostic:
            labels = torch.zeros_like(labels)
        kept = torch.cat([
            gt.mask_weights[res.pos_assigned_gt_inds] > 0
            for gt, res in zip(batch_gt_instances, sampling_results)
        ])
        if kept.any():
            loss_mask = self.loss_mask(mask_preds[kept], mask_targets[kept],
                                       labels[kept])
        else:
            loss_mask = mask_preds.sum() * 0
        return dict(
            loss_mask=dict(loss_mask=loss_mask), mask_targets=mask_targets)
