from typing import Optional

from mmdet.models.losses.utils import weight_reduce_loss
from torch import Tensor
from torch.nn import functional as F

from mmboxcaseg.registry import MODELS
from .crop_loss import CropLoss, CropTargets


def pixel_loss(pred: Tensor,
               masks: Tensor,
               weight: Optional[Tensor] = None,
               reduction: str = 'mean',
               avg_factor: Optional[float] = None) -> Tensor:
    """Binary cross-entropy of the fused map and the mask, Eq. (3).

    Args:
        pred (Tensor): Logits of the fused map, has shape (K, H, W).
        masks (Tensor): Masks of 0 and 1, has shape (K, H, W).
        weight (Tensor, optional): Weight of each map, has shape (K, ).
        reduction (str): Over the pixels. Defaults to 'mean'.
        avg_factor (float, optional): Defaults to the number of pixels.

    Returns:
        Tensor: A scalar (0 with a gradient for K = 0), or (K, H, W).
    """
    if reduction == 'mean' and not len(pred):
        return pred.sum()  # the mean of an empty tensor would be NaN
    masks = masks.to(pred.dtype)
    weight = None if weight is None else weight[:, None, None]
    if avg_factor is None:
        return F.binary_cross_entropy_with_logits(
            pred, masks, weight, reduction=reduction)
    loss = F.binary_cross_entropy_with_logits(pred, masks, reduction='none')
    return weight_reduce_loss(loss, weight, reduction, avg_factor)


@MODELS.register_module()
class PixelLoss(CropLoss):
    """Pixel loss on the crops that have a mask, see :func:`pixel_loss`.

    ``loss_weight`` is lambda of Eq. (4).
    """

    def compute(self, pred: Tensor, targets: CropTargets,
                **reduce_args) -> Tensor:
        """See :meth:`CropLoss.compute`; all N = K crops have a mask."""
        return pixel_loss(pred, targets.masks, **reduce_args)
