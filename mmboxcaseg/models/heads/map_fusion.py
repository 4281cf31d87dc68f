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
    """Fuse the maps of two heads: alpha * S_a + (1 - alpha) * S_t, Eq. (3).

    Args:
        salient (Tensor | None): Logits of the salient head, any shape.
        transferred (Tensor | None): Logits of the transferred head, same
            shape. If one of the two is None, the other is returned.
        alpha (float): Share of the salient head, in [0, 1].
        space (str): 'prob' mixes probabilities (paper), 'logit' logits
            (authors' code). Defaults to 'prob'.

    Returns:
        Tensor: Logits of the fused map, same shape.
    """
    if salient is None or transferred is None:
        return transferred if salient is None else salient
    if space == 'logit' or alpha in (0, 1):
        return alpha * salient + (1 - alpha) * transferred
    # log p - log(1 - p), each by log-sum-exp: exact where a sigmoid would
    # round to 0 or 1 in float32, and safe under AMP.
    shares = salient.new_tensor([math.log(alpha), math.log1p(-alpha)])
    both = torch.stack([salient, transferred], dim=-1).float()
    return (torch.logsumexp(F.logsigmoid(both) + shares, dim=-1) -
            torch.logsumexp(F.logsigmoid(-both) + shares, dim=-1))


@MODELS.register_module()
class MapFusion(nn.Module):
    """Fuses the salient and the transferred map, see :func:`fuse_logits`.

    Args:
        alpha (float): Defaults to 0.7, the paper's best (Table 6).
        space (str): Defaults to 'prob'.

    Raises:
        InputError: ``alpha`` or ``space`` is invalid.
    """

    def __init__(self, alpha: float = 0.7, space: str = 'prob') -> None:
        super().__init__()
        if not 0 <= alpha <= 1 or space not in ('prob', 'logit'):
            raise InputError(
                f"{alpha=} must be in [0, 1] and {space=} 'prob' or 'logit'.")
        self.alpha = alpha
        self.space = space

    def forward(self, salient: Optional[Tensor],
                transferred: Optional[Tensor]) -> Tensor:
        """Fuse two maps of logits, see :func:`fuse_logits`."""
        return fuse_logits(salient, transferred, self.alpha, self.space)
