from typing import Optional, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmboxcaseg.registry import MODELS


def box_bags(boxes: Tensor,
             size: Tuple[int, int],
             ignore_cut: bool = False) -> Tuple[Tensor, Tensor]:
    """Label the bags of a box: the rows and columns that cross it.

    Args:
        boxes (Tensor): Boxes in pixels of their maps, has shape (N, 4),
            xyxy, half-open; they may stick out of the map.
        size (tuple[int]): Height H and width W of a map.
        ignore_cut (bool): Whether to leave out the positive rows of a box
            that the left or right border cuts, and the positive columns of
            one that the upper or lower border cuts: the part of the object
            that such a bag crosses may be outside. Defaults to False.

    Returns:
        tuple[Tensor]: Labels and which bags count, both boolean, have shape
        (N, H + W), the rows first. A pixel is in the box where its centre is.
    """
    height, width = size
    x0, y0, x1, y1 = boxes[..., None].unbind(1)
    rows = torch.arange(height, device=boxes.device) + 0.5
    cols = torch.arange(width, device=boxes.device) + 0.5
    rows, cols = (y0 <= rows) & (rows < y1), (x0 <= cols) & (cols < x1)
    # No row crosses a box that is beside the map, and no column.
    rows, cols = (rows & cols.any(1, keepdim=True),
                  cols & rows.any(1, keepdim=True))
    labels = torch.cat([rows, cols], dim=1)
    if not ignore_cut:
        return labels, torch.ones_like(labels)
    # Less than half a pixel hides no pixel centre.
    cut_x = (x0 < -0.5) | (x1 > width + 0.5)
    cut_y = (y0 < -0.5) | (y1 > height + 0.5)
    return labels, torch.cat([~(rows & cut_x), ~(cols & cut_y)], dim=1)


def mask_bags(masks: Tensor) -> Tensor:
    """Label the bags of a known mask.

    Args:
        masks (Tensor): Masks of 0 and 1, has shape (N, H, W).

    Returns:
        Tensor: Boolean labels, has shape (N, H + W), the rows first.
    """
    return torch.cat([masks.amax(dim=2), masks.amax(dim=1)], dim=1).bool()


def mil_loss(pred: Tensor,
             labels: Tensor,
             valid: Optional[Tensor] = None) -> Tensor:
    """Multiple-instance loss over rows and columns, unary part of Eq. (1).

    Every row and every column is a bag whose score is its maximum. The sum
    of Eq. (1) is taken as a mean over all bags that count. Computed in
    float32.

    Args:
        pred (Tensor): Logits, has shape (N, H, W).
        labels (Tensor): Which bags cross the object, has shape (N, H + W),
            see :func:`box_bags`.
        valid (Tensor, optional): Which bags count, boolean, has shape
            (N, H + W). Defaults to all.

    Returns:
        Tensor: A scalar; 0 with a gradient where no bag counts.
    """
    # A maximum with its index passes the gradient to one place only, which
    # is several times faster than to search for ties.
    rows, cols = pred.max(dim=2).values, pred.max(dim=1).values
    bags = torch.cat([rows, cols], dim=1).float()
    loss = F.binary_cross_entropy_with_logits(
        bags, labels.float(), reduction='none')
    if valid is None:
        valid = torch.ones_like(labels)
    return (loss * valid).sum() / valid.sum().clamp(min=1)


@MODELS.register_module()
class MILLoss(nn.Module):
    """Multiple-instance loss, see :func:`mil_loss`.

    Args:
        loss_weight (float): Defaults to 1.
        ignore_cut (bool): See :func:`box_bags`. Defaults to False, the
            paper's loss.
    """

    def __init__(self,
                 loss_weight: float = 1.0,
                 ignore_cut: bool = False) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.ignore_cut = ignore_cut

    def forward(self, pred: Tensor, boxes: Tensor, masks: Tensor,
                has_mask: Tensor) -> Tensor:
        """Compute the weighted loss.

        Args:
            pred (Tensor): Logits, has shape (N, H, W).
            boxes (Tensor): Boxes in pixels of the maps, has shape (N, 4).
            masks (Tensor): The known masks, has shape (K, H, W).
            has_mask (Tensor): Whose they are, boolean, has shape (N, ); the
                bags of these come from the mask, not from the box.

        Returns:
            Tensor: A scalar.
        """
        labels, valid = box_bags(boxes, pred.shape[1:], self.ignore_cut)
        labels[has_mask] = mask_bags(masks)
        valid[has_mask] = True
        return self.loss_weight * mil_loss(pred, labels, valid)
