"""IoU of masks and its summary. Imports no PyTorch."""
from typing import Dict, Optional, Sequence

import numpy as np
from pycocotools import mask as mask_utils


def mask_iou(pred: dict, truth: dict) -> float:
    """IoU of two masks of one image.

    Args:
        pred, truth (dict): Compressed RLEs.

    Returns:
        float: IoU in [0, 1]; 0 if both are empty.
    """
    # [0]: the second mask is not a crowd; crowds have another denominator.
    return float(mask_utils.iou([pred], [truth], [0])[0, 0])


def summarize_ious(ious: Sequence[float],
                   labels: Sequence[int],
                   thresholds: Sequence[int] = (50, 75),
                   num_classes: Optional[int] = None) -> Dict[str, float]:
    """mIoU* and IoU@k (section 4, evaluation metric).

    Args:
        ious (Sequence[float]): Mask IoU of every instance, length n.
        labels (Sequence[int]): Class of every instance, length n.
        thresholds (Sequence[int]): Each k of IoU@k, in per cent.
        num_classes (int, optional): Divisor of the sum of the class means.
            Defaults to the number of classes that occur.

    Returns:
        dict[str, float]: ``mIoU_star``, the mean over classes of the mean
        IoU, and ``IoU_k``, the share of IoUs >= k per cent; all in [0, 1], or
        -1 if there is no instance, as COCO's AP.
    """
    ious, labels = np.asarray(ious), np.asarray(labels)
    if not len(ious):
        return dict.fromkeys(['mIoU_star', *(f'IoU_{k}' for k in thresholds)],
                             -1.)
    means = [ious[labels == label].mean() for label in np.unique(labels)]
    result = dict(mIoU_star=float(sum(means) / (num_classes or len(means))))
    for k in thresholds:
        result[f'IoU_{k}'] = float((ious >= k / 100).mean())
    return result
