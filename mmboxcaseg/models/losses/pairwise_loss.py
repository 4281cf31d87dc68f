from typing import Tuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mmboxcaseg.registry import MODELS


class _SquaredDifferences(torch.autograd.Function):
    """Sum of squared differences to the 8 neighbours, and its gradient.

    With the Laplacian L of the pixel grid the sum over pairs is p^T L p and
    its gradient 2 L p: one L p serves both, where autograd would keep and
    visit a map for each of the neighbours.
    """

    @staticmethod
    def forward(ctx, prob: Tensor, zero_padding: bool) -> Tensor:
        laplacian = _degree(prob, zero_padding) * prob
        laplacian -= _neighbour_sum(prob)
        ctx.save_for_backward(laplacian)
        return torch.dot(laplacian.flatten(), prob.flatten())

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> Tuple[Tensor, None]:
        laplacian, = ctx.saved_tensors
        return laplacian * (2 * grad), None


def _neighbour_sum(prob: Tensor) -> Tensor:
    """Sum of the 8 neighbours inside the map; shape (N, H, W) as ``prob``."""
    rows = prob.clone()
    rows[:, 1:] += prob[:, :-1]
    rows[:, :-1] += prob[:, 1:]
    total = rows - prob
    total[:, :, 1:] += rows[:, :, :-1]
    total[:, :, :-1] += rows[:, :, 1:]
    return total


def _degree(prob: Tensor, zero_padding: bool) -> Tensor:
    """Weight of each pixel on the diagonal of L, has shape (1, H, W).

    It is the number of its neighbours. One that is padded is met once, from
    inside, and so counts half.
    """
    inside = _neighbour_sum(torch.ones_like(prob[:1]))
    return (inside + 8) / 2 if zero_padding else inside


def pairwise_loss(pred: Tensor, zero_padding: bool = False) -> Tensor:
    """Smoothness of a map: mean squared difference to 8 neighbours, Eq. (2).

    The sum of Eq. (2) is taken as a mean over pixels and their 8 neighbours.
    Computed in float32.

    Args:
        pred (Tensor): Logits, has shape (N, H, W).
        zero_padding (bool): Whether a neighbour outside the map counts as
            background, as in the authors' code; in Eq. (2) it adds nothing.
            Defaults to False.

    Returns:
        Tensor: A scalar; 0 with a gradient for N = 0.
    """
    prob = pred.float().sigmoid()
    if not len(prob):
        return prob.sum()
    total = _SquaredDifferences.apply(prob, zero_padding)
    # Each pair is met from both ends.
    return 2 * total / (8 * prob.numel())


@MODELS.register_module()
class PairwiseLoss(nn.Module):
    """Smoothness loss, see :func:`pairwise_loss`.

    Args:
        loss_weight (float): Defaults to 0.05, as in Eq. (1).
        zero_padding (bool): See :func:`pairwise_loss`. Defaults to False.
    """

    def __init__(self,
                 loss_weight: float = 0.05,
                 zero_padding: bool = False) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.zero_padding = zero_padding

    def forward(self, pred: Tensor) -> Tensor:
        """Compute the weighted loss.

        Args:
            pred (Tensor): Logits, has shape (N, H, W).

        Returns:
            Tensor: A scalar.
        """
        return self.loss_weight * pairwise_loss(pred, self.zero_padding)
