import math
from typing import Optional

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmboxcaseg import InputError
from mmboxcaseg.registry import MODELS


def fuse_logits(salient: Optional[Tensor],
                transferred: Optional[Tensor],
                alpha: float,
                space: str = 'prob') -> Tensor:
    """Mix the maps of two heads: alpha * S_a + (1 - alpha) * S_t, Eq. (3).

    Args:
        salient (Tensor | None): Logits of the salient head, any shape.
        transferred (Tensor | None): Logits of the transferred head, same
            shape. One of the two may be missing: the other is the mix.
        alpha (float): Share of the salient head, in [0, 1].
        space (str): 'prob' mixes probabilities as the paper does, 'logit'
            mixes logits as the authors' code does. Defaults to 'prob'.

    Returns:
        Tensor: The logits of the mixed map, same shape.
    """
    if salient is None or transferred is None:
        return transferred if salient is None else salient
    if space == 'logit' or alpha in (0, 1):
        return alpha * salient + (1 - alpha) * transferred
    # log p - log(1 - p), both by log-sum-exp: exact where a sigmoid is 0 or
    # 1 in float32, and safe under AMP.
    shares = salient.new_tensor([math.log(alpha), math.log1p(-alpha)])
    both = torch.stack([salient, transferred], dim=-1).float()
    return (torch.logsumexp(F.logsigmoid(both) + shares, dim=-1) -
            torch.logsumexp(F.logsigmoid(-both) + shares, dim=-1))


def fused_bce_loss(salient: Optional[Tensor],
                   transferred: Optional[Tensor],
                   target: Tensor,
                   alpha: float,
                   space: str = 'prob') -> Tensor:
    """Pixel loss of the fused map: binary cross-entropy, Eq. (3).

    Args:
        salient (Tensor | None): Logits, has shape (N, H, W).
        transferred (Tensor | None): Logits, has shape (N, H, W).
        target (Tensor): Masks, has shape (N, H, W).
        alpha (float): Share of the salient head.
        space (str): See :func:`fuse_logits`.

    Returns:
        Tensor: A scalar, the mean over pixels; 0 with a gradient for N = 0.
    """
    fused = fuse_logits(salient, transferred, alpha, space)
    if not len(target):
        return fused.sum()
    return F.binary_cross_entropy_with_logits(fused, target.to(fused.dtype))


@MODELS.register_module()
class FusedBCELoss(nn.Module):
    """Pixel loss of the fused map, see :func:`fused_bce_loss`.

    It also is the one place that knows how the maps are fused.

    Args:
        alpha (float): Share of the salient head. Defaults to 0.7, the
            paper's best (Table 6).
        space (str): 'prob' (paper) or 'logit' (authors' code). Defaults to
            'prob'.
        loss_weight (float): Lambda of Eq. (4). Defaults to 1.

    Raises:
        InputError: ``alpha`` or ``space`` is out of range.
    """

    def __init__(self,
                 alpha: float = 0.7,
                 space: str = 'prob',
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        if not 0 <= alpha <= 1 or space not in ('prob', 'logit'):
            raise InputError(
                f'alpha={alpha} must be in [0, 1] and space={space!r} '
                "'prob' or 'logit'.")
        self.alpha = alpha
        self.space = space
        self.loss_weight = loss_weight

    def fuse(self, salient: Optional[Tensor],
             transferred: Optional[Tensor]) -> Tensor:
        """Mix two maps of logits, see :func:`fuse_logits`."""
        return fuse_logits(salient, transferred, self.alpha, self.space)

    def forward(self,
                target: Tensor,
                salient: Optional[Tensor] = None,
                transferred: Optional[Tensor] = None) -> Tensor:
        """Compute the weighted loss.

        Args:
            target (Tensor): Masks, has shape (N, H, W).
            salient (Tensor, optional): Logits, has shape (N, H, W).
            transferred (Tensor, optional): Logits, has shape (N, H, W).

        Returns:
            Tensor: A scalar.
        """
        return self.loss_weight * fused_bce_loss(salient, transferred, target,
                                                 self.alpha, self.space)
