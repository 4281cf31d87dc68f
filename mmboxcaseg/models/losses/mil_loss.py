import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmboxcaseg.registry import MODELS


def mil_loss(pred: Tensor, target: Tensor) -> Tensor:
    """Multiple-instance loss over rows and columns, unary part of Eq. (1).

    Every row and every column is a bag whose score is its maximum. A bag is
    positive where it crosses the object (its box, or its mask where that is
    known). The sum of Eq. (1) is taken as a mean over all bags.

    Args:
        pred (Tensor): Logits, has shape (N, H, W).
        target (Tensor): Box filled with 1, or mask, has shape (N, H, W).

    Returns:
        Tensor: A scalar.
    """
    target = target.to(pred.dtype)
    bags = torch.cat([pred.amax(dim=1), pred.amax(dim=2)], dim=1)
    labels = torch.cat([target.amax(dim=1), target.amax(dim=2)], dim=1)
    return F.binary_cross_entropy_with_logits(bags, labels)


@MODELS.register_module()
class MILLoss(nn.Module):
    """Multiple-instance loss, see :func:`mil_loss`.

    Args:
        loss_weight (float): Defaults to 1.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Compute the weighted loss.

        Args:
            pred (Tensor): Logits, has shape (N, H, W).
            target (Tensor): Box or mask, has shape (N, H, W).

        Returns:
            Tensor: A scalar.
        """
        return self.loss_weight * mil_loss(pred, target)
