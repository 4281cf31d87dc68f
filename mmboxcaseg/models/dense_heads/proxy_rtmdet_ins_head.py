from typing import Dict, List

from mmdet.models.dense_heads import RTMDetInsHead, RTMDetInsSepBNHead
from mmdet.models.task_modules import SamplingResult
from mmengine.structures import InstanceData
from torch import Tensor

from mmboxcaseg.registry import MODELS
from ..losses.instance_weighted_loss import WeightedMasksMixin, matched_weights


class _WeightedDynamicMasks(WeightedMasksMixin):
    """What both heads of RTMDet-Ins have in common.

    A positive prior counts in the mask loss by the ``mask_weights`` of the
    instance that it is matched to. As the stock loss is averaged over the
    positives of all processes, so are the weights.
    """

    def loss_by_feat(self, *args, **kwargs) -> Dict[str, Tensor]:
        """Compute the losses of the stock head, the mask loss weighted.

        Returns:
            dict[str, Tensor]: The losses, and ``mask_share``, the share of
            the positive priors that have a mask loss.
        """
        losses = super().loss_by_feat(*args, **kwargs)
        losses['mask_share'] = self.loss_mask.share
        return losses

    def loss_mask_by_feat(self, mask_feats: Tensor, flatten_kernels: Tensor,
                          sampling_results_list: List[SamplingResult],
                          batch_gt_instances: List[InstanceData]) -> Tensor:
        """Compute the mask loss, weighted.

        Args:
            mask_feats (Tensor): Mask prototypes, has shape (N,
                num_prototypes, H, W).
            flatten_kernels (Tensor): Kernels of the dynamic convolutions, has
                shape (N, num_priors, num_params).
            sampling_results_list (list[SamplingResult]): One an image.
            batch_gt_instances (list[InstanceData]): One an image, with
                ``masks`` and ``mask_weights`` (num_gt, ).

        Returns:
            Tensor: The loss.

        Raises:
            InputError: The instances have no ``mask_weights``.
        """
        weights = matched_weights(sampling_results_list, batch_gt_instances)
        with self.loss_mask.weighted_by(weights, across_ranks=True):
            return super().loss_mask_by_feat(mask_feats, flatten_kernels,
                                             sampling_results_list,
                                             batch_gt_instances)


@MODELS.register_module()
class ProxyRTMDetInsHead(_WeightedDynamicMasks, RTMDetInsHead):
    """RTMDetInsHead, weighted."""


@MODELS.register_module()
class ProxyRTMDetInsSepBNHead(_WeightedDynamicMasks, RTMDetInsSepBNHead):
    """RTMDetInsSepBNHead (that of the released RTMDet-Ins), weighted."""
