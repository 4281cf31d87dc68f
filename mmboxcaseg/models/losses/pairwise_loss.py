from torch import Tensor, nn

from mmboxcaseg.registry import MODELS


def pairwise_loss(pred: Tensor) -> Tensor:
    """Smoothness of a map: mean squared difference to 8 neighbours, Eq. (2).

    The sum of Eq. (2) is taken as a mean over pixels and their 8 neighbours;
    a neighbour outside the map adds nothing.

    Args:
        pred (Tensor): Logits, has shape (N, H, W).

    Returns:
        Tensor: A scalar.
    """
    prob = pred.sigmoid()
    # Each pair is met from both ends: four directions, taken twice.
    total = (prob[:, 1:] - prob[:, :-1]).square().sum()
    total = total + (prob[:, :, 1:] - prob[:, :, :-1]).square().sum()
    total = total + (prob[:, 1:, 1:] - prob[:, :-1, :-1]).square().sum()
    total = total + (prob[:, 1:, :-1] - prob[:, :-1, 1:]).square().sum()
    return 2 * total / (8 * prob.numel())


@MODELS.register_module()
class PairwiseLoss(nn.Module):
    """Smoothness loss, see :func:`pairwise_loss`.

    Args:
        loss_weight (float): Defaults to 0.05, as in Eq. (1).
    """

    def __init__(self, loss_weight: float = 0.05) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor) -> Tensor:
        """Compute the weighted loss.

        Args:
            pred (Tensor): Logits, has shape (N, H, W).

        Returns:
            Tensor: A scalar.
        """
        return self.loss_weight * pairwise_loss(pred)
