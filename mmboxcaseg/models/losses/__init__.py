from .crop_loss import CropLoss, CropTargets
from .mil_loss import MILLoss, box_bags, mask_bags, mil_loss
from .pairwise_loss import PairwiseLoss, pairwise_loss
from .pixel_loss import PixelLoss, pixel_loss

__all__ = [
    'CropLoss', 'CropTargets', 'MILLoss', 'PairwiseLoss', 'PixelLoss',
    'box_bags', 'mask_bags', 'mil_loss', 'pairwise_loss', 'pixel_loss'
]
