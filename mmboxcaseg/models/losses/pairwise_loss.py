from typing import Optional, Tuple

import torch
from mmdet.models.losses.utils import weight_reduce_loss
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmboxcaseg.registry import MODELS
from .crop_loss import CropLoss, CropTargets


class _SquaredDifferences(torch.autograd.Function):
    """Sum of squared differences between neighbours, and its gradient.

    With the Laplacian L of the pixel grid, the sum over all pairs is p^T L p
    and its gradient is 2 L p. Both need only the map L p, while autograd
    would keep a map for each of the 8 neighbours.
    """

    @staticmethod
    def forward(ctx, prob: Tensor, zero_padding: bool,
                weight: Optional[Tensor]) -> Tensor:
        """Compute the sum over all pairs, each pair counted once.

        Args:
            ctx (FunctionCtx): Keeps L p for :meth:`backward`.
            prob (Tensor): Probabilities p, has shape (N, H, W).
            zero_padding (bool): See :func:`pairwise_loss`.
            weight (Tensor, optional): Weight of each map, has shape (N, ).

        Returns:
            Tensor: A scalar.
        """
        degree = _neighbour_sum(torch.ones_like(prob[:1]))
        if zero_padding:
            # A pair with a padding pixel is counted from one end only, so it
            # has half the weight.
            degree = (degree + 8) / 2
        laplacian = degree * prob
        laplacian -= _neighbour_sum(prob)
        if weight is not None:
            laplacian *= weight[:, None, None]
        ctx.save_for_backward(laplacian)
        return torch.dot(laplacian.flatten(), prob.flatten())

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> Tuple[Tensor, None, None]:
        """Multiply the gradient 2 L p, shape (N, H, W), by a scalar."""
        laplacian, = ctx.saved_tensors
        return laplacian * (2 * grad), None, None


def _neighbour_sum(prob: Tensor) -> Tensor:
    """Sum of the 8 neighbours inside the map; shape (N, H, W) as ``prob``."""
    # Separable: sums of 3 in a column, then of 3 in a row, minus the centre.
    rows = prob.clone()
    rows[:, 1:] += prob[:, :-1]
    rows[:, :-1] += prob[:, 1:]
    total = rows - prob
    total[:, :, 1:] += rows[:, :, :-1]
    total[:, :, :-1] += rows[:, :, 1:]
    return total


def pairwise_loss(pred: Tensor,
                  zero_padding: bool = False,
                  weight: Optional[Tensor] = None,
                  reduction: str = 'mean',
                  avg_factor: Optional[float] = None) -> Tensor:
    """Smoothness: mean squared difference to the 8 neighbours, Eq. (2).

    The mean over the pixels of a map and their 8 neighbours replaces the sums
    of Eq. (2). It is computed in float32.

    Args:
        pred (Tensor): Logits, has shape (N, H, W).
        zero_padding (bool): Whether neighbours outside the map count as
            background, as in the authors' code. Otherwise they are left out,
            as in Eq. (2). Defaults to False.
        weight (Tensor, optional): Weight of each map, has shape (N, ).
        reduction (str): Over the maps. Defaults to 'mean'.
        avg_factor (float, optional): Defaults to N.

    Returns:
        Tensor: A scalar (0 with a gradient for N = 0), or of shape (N, ).
    """
    if reduction == 'none' or avg_factor is not None:
        # Per map. No config needs it, so a plain loop is enough.
        loss = [pairwise_loss(one[None], zero_padding) for one in pred]
        loss = torch.stack(loss) if loss else pred.float().sum((1, 2))
        return weight_reduce_loss(loss, weight, reduction, avg_factor)
    prob = pred.float().sigmoid()
    if not len(prob):
        return prob.sum()
    # Eq. (2) counts each pair from both ends, p^T L p only once.
    total = 2 * _SquaredDifferences.apply(prob, zero_padding, weight)
    terms = prob.numel() if reduction == 'mean' else prob[0].numel()
    return total / (8 * terms)


@MODELS.register_module()
class PairwiseLoss(CropLoss):
    """Smoothness loss, see :func:`pairwise_loss`.

    Args:
        zero_padding (bool): See :func:`pairwise_loss`. Defaults to False.
        loss_weight (float): Defaults to 0.05, as in Eq. (1).
        kwargs: See :class:`CropLoss`.
    """

    def __init__(self,
                 zero_padding: bool = False,
                 loss_weight: float = 0.05,
                 **kwargs) -> None:
        super().__init__(loss_weight, **kwargs)
        self.zero_padding = zero_padding

    def compute(self, pred: Tensor, targets: CropTargets,
                **reduce_args) -> Tensor:
        """See :meth:`CropLoss.compute`."""
        return pairwise_loss(pred, self.zero_padding, **reduce_args)
