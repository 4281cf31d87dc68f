from typing import Dict, List

import torch
from mmdet.models.dense_heads.condinst_head import CondInstMaskHead
from mmdet.models.losses import DiceLoss
from mmdet.models.utils import multi_apply
from mmengine.structures import InstanceData
from torch import Tensor

from mmboxcaseg.registry import MODELS
from ..losses.mask_weights import (check_mask_loss, mask_share, mask_weights,
                                   scale_to_mean_one)


@MODELS.register_module()
class ProxyCondInstMaskHead(CondInstMaskHead):
    """CondInstMaskHead with mask weights.

    The mask loss of a positive location is weighted with the ``mask_weights``
    of its matched instance; without them, an InputError is raised. Locations
    with weight 0 do not count towards ``max_masks_to_train`` and
    ``topk_masks_per_img``.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        check_mask_loss(self.loss_mask, DiceLoss)

    def loss_by_feat(self, mask_preds: List[Tensor],
                     batch_gt_instances: List[InstanceData],
                     batch_img_metas: List[dict],
                     positive_infos: List[InstanceData],
                     **kwargs) -> Dict[str, Tensor]:
        """See :meth:`CondInstMaskHead.loss_by_feat`.

        An image's logits have shape (num_pos, H, W). Also gives
        ``mask_share``, the share of the locations with weight above 0.
        """
        weights = [
            mask_weights(gt)[infos.pos_assigned_gt_inds]
            for gt, infos in zip(batch_gt_instances, positive_infos)
        ]
        kept = [weight.nonzero().flatten() for weight in weights]
        infos = [infos[inds] for infos, inds in zip(positive_infos, kept)]
        # The stock method only indexes its first argument. So it can select
        # the indices of kept locations instead of their predictions.
        picked, targets, counts = multi_apply(self._get_targets_single, kept,
                                              batch_gt_instances, infos)
        used = [weight[inds] for weight, inds in zip(weights, picked)]
        scaled = scale_to_mean_one(torch.cat(used)).split(list(map(len, used)))
        # If an image has no mask loss, sum() * 0 keeps the graph connected.
        losses = [
            preds.sum() * 0 if masks is None else self.loss_mask(
                preds[inds], masks, weight, reduction_override='none').sum()
            for preds, inds, masks, weight in zip(mask_preds, picked, targets,
                                                  scaled)
        ]
        return dict(
            loss_mask=sum(losses) / max(sum(counts), 1),
            mask_share=mask_share(torch.cat(weights)))
