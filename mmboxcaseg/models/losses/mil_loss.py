from typing import Optional, Tuple

import torch
from mmdet.models.losses.utils import weight_reduce_loss
from torch import Tensor
from torch.nn import functional as F

from mmboxcaseg.registry import MODELS
from .crop_loss import CropLoss, CropTargets


def box_bags(boxes: Tensor,
             size: Tuple[int, int],
             ignore_cut: bool = False) -> Tuple[Tensor, Tensor]:
    """Label the bags: rows and columns that cross the box are positive.

    A pixel is inside a box if its centre is inside.

    Args:
        boxes (Tensor): Boxes in pixels of their maps, xyxy, half-open, has
            shape (N, 4). They may extend beyond the map.
        size (tuple[int]): Height H and width W of a map.
        ignore_cut (bool): Whether to ignore the positive rows of a box cut by
            the left or right border, and the positive columns of one cut by
            the upper or lower border: the object may cross them outside the
            map. Defaults to False.

    Returns:
        tuple[Tensor]: Labels of the bags and whether the bags count, booleans
        of shape (N, H + W), rows first.
    """
    height, width = size
    x0, y0, x1, y1 = boxes[..., None].unbind(1)
    rows = torch.arange(height, device=boxes.device) + 0.5
    cols = torch.arange(width, device=boxes.device) + 0.5
    rows, cols = (y0 <= rows) & (rows < y1), (x0 <= cols) & (cols < x1)
    # A box outside the map has no positive bag at all.
    rows, cols = (rows & cols.any(1, keepdim=True),
                  cols & rows.any(1, keepdim=True))
    labels = torch.cat([rows, cols], dim=1)
    if not ignore_cut:
        return labels, torch.ones_like(labels)
    # If a box ends less than half a pixel outside, no pixel centre is cut off.
    cut_x = (x0 < -0.5) | (x1 > width + 0.5)
    cut_y = (y0 < -0.5) | (y1 > height + 0.5)
    return labels, torch.cat([~(rows & cut_x), ~(cols & cut_y)], dim=1)


def mask_bags(masks: Tensor) -> Tensor:
    """Label the bags: rows and columns that cross the mask are positive.

    Args:
        masks (Tensor): Masks of 0 and 1, has shape (N, H, W).

    Returns:
        Tensor: Labels of the bags, booleans of shape (N, H + W), rows first.
    """
    return torch.cat([masks.amax(dim=2), masks.amax(dim=1)], dim=1).bool()


def mil_loss(pred: Tensor,
             labels: Tensor,
             valid: Optional[Tensor] = None,
             weight: Optional[Tensor] = None,
             reduction: str = 'mean',
             avg_factor: Optional[float] = None) -> Tensor:
    """Multiple-instance loss over rows and columns, unary part of Eq. (1).

    The score of a bag is the maximum of its pixels. The mean over all bags
    that count replaces the sums of Eq. (1). It is computed in float32.

    Args:
        pred (Tensor): Logits, has shape (N, H, W).
        labels (Tensor): See :func:`box_bags`, has shape (N, H + W).
        valid (Tensor, optional): Which bags count, boolean, has shape
            (N, H + W). Defaults to all.
        weight (Tensor, optional): Weight of each map, has shape (N, ).
        reduction (str): Over the bags. Defaults to 'mean'.
        avg_factor (float, optional): Defaults to the number of valid bags.

    Returns:
        Tensor: A scalar (0 with a gradient if no bag counts), or (N, H + W).
    """
    # max(dim) passes the gradient to one pixel only. It is several times
    # faster than amax, which distributes the gradient over ties.
    bags = [pred.max(dim=2).values, pred.max(dim=1).values]
    bags = torch.cat(bags, dim=1).float()
    loss = F.binary_cross_entropy_with_logits(
        bags, labels.float(), reduction='none')
    if valid is None:
        valid = torch.ones_like(labels)
    if reduction == 'mean' and avg_factor is None:
        avg_factor = valid.sum().clamp(min=1)
    if weight is not None:
        valid = valid * weight[:, None]
    return weight_reduce_loss(loss, valid, reduction, avg_factor)


@MODELS.register_module()
class MILLoss(CropLoss):
    """Multiple-instance loss, see :func:`mil_loss`.

    Args:
        ignore_cut (bool): See :func:`box_bags`. Defaults to False (paper).
        kwargs: See :class:`CropLoss`.
    """

    def __init__(self, ignore_cut: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.ignore_cut = ignore_cut

    def compute(self, pred: Tensor, targets: CropTargets,
                **reduce_args) -> Tensor:
        """See :meth:`CropLoss.compute`."""
        labels, valid = box_bags(targets.boxes, pred.shape[1:],
                                 self.ignore_cut)
        # A mask gives more exact bags than its box (section 3.2: salient
        # images).
        labels[targets.has_mask] = mask_bags(targets.masks)
        valid[targets.has_mask] = True
        return mil_loss(pred, labels, valid, **reduce_args)
