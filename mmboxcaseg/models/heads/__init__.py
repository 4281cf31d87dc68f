from .map_fusion import MapFusion, fuse_logits
from .segmentation_head import SegmentationHead
from .transferred_head import TransferredHead, WeightTransfer

__all__ = [
    'MapFusion', 'SegmentationHead', 'TransferredHead', 'WeightTransfer',
    'fuse_logits'
]
