from typing import Dict, List

import torch
from mmdet.models.dense_heads.condinst_head import CondInstMaskHead
from mmdet.models.losses import DiceLoss
from mmengine.structures import InstanceData
from torch import Tensor

from mmboxcaseg.registry import MODELS
from ..losses.mask_weights import (check_mask_loss, mask_share, mask_weights,
                                   scale_to_mean_one)


@MODELS.register_module()
class ProxyCondInstMaskHead(CondInstMaskHead):
    """CondInstMaskHead with mask weights.

    A positive location counts in the mask loss by the ``mask_weights`` of the
    instance that it is matched to. Locations with weight 0 do not count
    towards ``max_masks_to_train`` and ``topk_masks_per_img``.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        check_mask_loss(self.loss_mask, DiceLoss)

    def loss_by_feat(self, mask_preds: List[Tensor],
                     batch_gt_instances: List[InstanceData],
                     batch_img_metas: List[dict],
                     positive_infos: List[InstanceData],
                     **kwargs) -> Dict[str, Tensor]:
        """Compute the weighted mask loss.

        Args:
            mask_preds (list[Tensor]): Logits of the positive locations, one
                per image, each has shape (num_pos, H, W).
            batch_gt_instances (list[InstanceData]): One per image, with
                ``masks`` and ``mask_weights`` (num_gt, ).
            batch_img_metas (list[dict]): Not used.
            positive_infos (list[InstanceData]): What the positive locations
                are matched to, one per image.

        Returns:
            dict[str, Tensor]: ``loss_mask`` and ``mask_share``.

        Raises:
            InputError: The instances have no ``mask_weights``.
        """
        weights = [
            mask_weights(gt)[infos.pos_assigned_gt_inds]
            for gt, infos in zip(batch_gt_instances, positive_infos)
        ]
        kept = [weight.nonzero().flatten() for weight in weights]
        # Stock code only indexes its first argument, so it can select the
        # numbers of the kept locations instead of their predictions.
        picked = [
            self._get_targets_single(*args)
            for args in zip(kept, batch_gt_instances, (
                infos[inds] for infos, inds in zip(positive_infos, kept)))
        ]
        used = [weight[inds] for weight, (inds, _, _) in zip(weights, picked)]
        scaled = scale_to_mean_one(torch.cat(used)).split(list(map(len, used)))
        # Where an image has no mask loss, the sum keeps the graph connected.
        losses = [
            preds.sum() * 0 if targets is None else self.loss_mask(
                preds[inds], targets, weight=weight,
                reduction_override='none').sum()
            for preds, (inds, targets,
                        _), weight in zip(mask_preds, picked, scaled)
        ]
        count = max(sum(num for _, _, num in picked), 1)
        return dict(
            loss_mask=sum(losses) / count,
            mask_share=mask_share(torch.cat(weights)))
