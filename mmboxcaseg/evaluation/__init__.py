from .instance_iou import InstanceIoUMetric, mask_iou, summarize_ious
from .mask_files import evaluate_mask_file

__all__ = [
    'InstanceIoUMetric', 'evaluate_mask_file', 'mask_iou', 'summarize_ious'
]
