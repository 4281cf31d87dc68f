from typing import Dict, List, Optional

import torch
from mmdet.models.dense_heads.condinst_head import CondInstMaskHead
from mmengine.structures import InstanceData
from torch import Tensor

from mmboxcaseg.registry import MODELS
from ..losses.instance_weighted_loss import WeightedMasksMixin, mask_weights


@MODELS.register_module()
class ProxyCondInstMaskHead(WeightedMasksMixin, CondInstMaskHead):
    """CondInstMaskHead, weighted.

    A positive location counts in the mask loss by the ``mask_weights`` of the
    instance that it is matched to. Those of weight 0 do not use up
    ``max_masks_to_train`` or ``topk_masks_per_img``.
    """

    def loss_by_feat(self, mask_preds: List[Tensor],
                     batch_gt_instances: List[InstanceData],
                     batch_img_metas: List[dict],
                     positive_infos: List[InstanceData],
                     **kwargs) -> Dict[str, Tensor]:
        """Compute the mask loss, weighted.

        Args:
            mask_preds (list[Tensor]): Logits of the positive locations, one
                an image, each has shape (num_pos, H, W).
            batch_gt_instances (list[InstanceData]): One an image, with
                ``masks`` and ``mask_weights`` (num_gt, ).
            batch_img_metas (list[dict]): Not used.
            positive_infos (list[InstanceData]): What the positive locations
                are matched to, one an image.

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
        # Stock code only ever selects from its first argument.
        picked = [
            self._get_targets_single(*args)
            for args in zip(kept, batch_gt_instances, (
                infos[inds] for infos, inds in zip(positive_infos, kept)))
        ]
        used = [weight[inds] for weight, (inds, _, _) in zip(weights, picked)]
        with self.loss_mask.weighted_by(torch.cat(used)):
            losses = [
                self._sum_losses(preds, inds, targets)
                for preds, (inds, targets, _) in zip(mask_preds, picked)
            ]
        count = max(sum(num for _, _, num in picked), 1)
        share = torch.cat(weights).count_nonzero() / max(
            sum(map(len, weights)), 1)
        return dict(loss_mask=sum(losses) / count, mask_share=share)

    def _sum_losses(self, preds: Tensor, inds: Tensor,
                    targets: Optional[Tensor]) -> Tensor:
        """Sum the losses of the chosen locations of an image."""
        if targets is None:
            return preds.sum() * 0
        return self.loss_mask(
            preds[inds], targets, reduction_override='none').sum()
