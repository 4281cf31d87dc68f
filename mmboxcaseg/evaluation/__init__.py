from .instance_ap import InstanceAPMetric
from .instance_iou import InstanceIoUMetric, mask_iou, summarize_ious
from .mask_files import compare_masks, evaluate_mask_file

__all__ = [
    'InstanceAPMetric', 'InstanceIoUMetric', 'compare_masks',
    'evaluate_mask_file', 'mask_iou', 'summarize_ious'
]
