# window_masks is not imported here, because it loads PyTorch and mmdet.
from .boxes import (box_faults, jitter_box, label_windows, pixel_boxes,
                    tight_box, xywh_to_xyxy)
from .masks import (agreement, binarize_maps, decode_window, encode_window,
                    extend_window, run_lengths, sample_map, to_rle, window_map)
from .merging import check_merge_rule, merge_masks
from .scores import expected_iou, is_kept
from .units import box_units

__all__ = [
    'agreement', 'binarize_maps', 'box_faults', 'box_units',
    'check_merge_rule', 'decode_window', 'encode_window', 'expected_iou',
    'extend_window', 'is_kept', 'jitter_box', 'label_windows', 'merge_masks',
    'pixel_boxes', 'run_lengths', 'sample_map', 'tight_box', 'to_rle',
    'window_map', 'xywh_to_xyxy'
]
