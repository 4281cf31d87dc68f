from .box_crops import BoxCropDataset
from .coco_boxes import CocoBoxes
from .proxy_coco import ProxyCocoDataset
from .salient import SalientDataset
from .samplers import MultiSourceSampler
from .transforms import *  # noqa: F401,F403

__all__ = [
    'BoxCropDataset', 'CocoBoxes', 'MultiSourceSampler', 'ProxyCocoDataset',
    'SalientDataset'
]
