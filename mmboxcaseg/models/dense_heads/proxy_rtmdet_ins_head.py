from typing import Dict, List

from mmdet.models.dense_heads import RTMDetInsHead, RTMDetInsSepBNHead
from mmdet.models.losses import DiceLoss
from mmdet.models.task_modules import SamplingResult
from mmengine.structures import InstanceData
from torch import Tensor

from mmboxcaseg.registry import MODELS
from ..losses.mask_weights import (check_mask_loss, mask_share,
                                   matched_weights, scale_to_mean_one)


class _WeightedDynamicMasks:
    """Mask weights for both heads of RTMDet-Ins.

    The mask loss of a positive prior is weighted with the ``mask_weights`` of
    its matched instance; without them, an InputError is raised. Like the
    stock loss, the weighted one is a mean over the positive priors of all
    processes.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        check_mask_loss(self.loss_mask, DiceLoss)

    def loss_by_feat(self, *args, **kwargs) -> Dict[str, Tensor]:
        """Compute the losses of the stock head and ``mask_share``."""
        losses = super().loss_by_feat(*args, **kwargs)
        # The stock method passes on what loss_mask_by_feat returns.
        losses.update(losses.pop('loss_mask'))
        return losses

    def loss_mask_by_feat(
            self, mask_feats: Tensor, flatten_kernels: Tensor,
            sampling_results_list: List[SamplingResult],
            batch_gt_instances: List[InstanceData]) -> Dict[str, Tensor]:
        """See :meth:`RTMDetInsHead.loss_mask_by_feat`.

        Prototypes have shape (N, num_prototypes, H, W), kernels (N,
        num_priors, num_params). Gives ``loss_mask`` and ``mask_share``.
        """
        weights = matched_weights(sampling_results_list, batch_gt_instances)
        scaled = scale_to_mean_one(weights, across_ranks=True)
        loss = self.loss_mask

        def weighted(pred: Tensor, target: Tensor, weight: None,
                     avg_factor: float) -> Tensor:
            return loss(pred, target, weight=scaled, avg_factor=avg_factor)

        # The stock method calls self.loss_mask once, with weight=None. It has
        # no argument for weights and is too long to copy. An attribute in
        # __dict__ hides the submodule during this call.
        self.__dict__['loss_mask'] = weighted
        try:
            loss_mask = super().loss_mask_by_feat(mask_feats, flatten_kernels,
                                                  sampling_results_list,
                                                  batch_gt_instances)
        finally:
            del self.__dict__['loss_mask']
        return dict(loss_mask=loss_mask, mask_share=mask_share(weights))


@MODELS.register_module()
class ProxyRTMDetInsHead(_WeightedDynamicMasks, RTMDetInsHead):
    """RTMDetInsHead with mask weights."""


@MODELS.register_module()
class ProxyRTMDetInsSepBNHead(_WeightedDynamicMasks, RTMDetInsSepBNHead):
    """RTMDetInsSepBNHead (the head of the released RTMDet-Ins), weighted."""
