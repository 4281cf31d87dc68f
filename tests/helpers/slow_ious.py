"""IoU of masks and its summary, as plain loops."""
import numpy as np
from pycocotools import mask as mask_utils


def encode(mask) -> dict:
    rle = mask_utils.encode(np.asfortranarray(mask.astype(np.uint8)))
    return dict(size=rle['size'], counts=rle['counts'].decode())


def slow_iou(a, b) -> float:
    both = either = 0
    for x, y in zip(a.flatten().tolist(), b.flatten().tolist()):
        both += x and y
        either += x or y
    return both / either if either else 0


def slow_summary(ious, labels, thresholds, num_classes=None) -> dict:
    by_class = {}
    for iou, label in zip(ious, labels):
        by_class.setdefault(label, []).append(iou)
    total = sum(sum(part) / len(part) for part in by_class.values())
    result = dict(mIoU_star=total / (num_classes or len(by_class)))
    for k in thresholds:
        hits = [iou for iou in ious if iou >= k / 100]
        result[f'IoU_{k}'] = len(hits) / len(ious)
    return result
