# window_masks is imported by those who need it: it loads torch and mmdet.
from .boxes import aligned_iou, jitter_box, pixel_boxes, tight_box
from .masks import (agreement, binarize_maps, decode_window, encode_window,
                    merge_masks, to_rle)
from .units import box_units

__all__ = [
    'agreement', 'aligned_iou', 'binarize_maps', 'box_units', 'decode_window',
    'encode_window', 'jitter_box', 'merge_masks', 'pixel_boxes', 'tight_box',
    'to_rle'
]
