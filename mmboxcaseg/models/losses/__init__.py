from .fused_bce_loss import FusedBCELoss, fuse_logits, fused_bce_loss
from .mil_loss import MILLoss, box_bags, mask_bags, mil_loss
from .pairwise_loss import PairwiseLoss, pairwise_loss

__all__ = [
    'FusedBCELoss', 'MILLoss', 'PairwiseLoss', 'box_bags', 'fuse_logits',
    'fused_bce_loss', 'mask_bags', 'mil_loss', 'pairwise_loss'
]
