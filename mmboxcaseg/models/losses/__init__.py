from .fused_bce_loss import FusedBCELoss, fuse_logits, fused_bce_loss
from .mil_loss import MILLoss, mil_loss
from .pairwise_loss import PairwiseLoss, pairwise_loss

__all__ = [
    'FusedBCELoss', 'MILLoss', 'PairwiseLoss', 'fuse_logits', 'fused_bce_loss',
    'mil_loss', 'pairwise_loss'
]
