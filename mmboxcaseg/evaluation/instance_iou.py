from typing import Dict, List, Optional, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from mmboxcaseg.registry import METRICS
from mmboxcaseg.structures import encode_window, to_rle


def mask_iou(pred: dict, truth: dict) -> float:
    """IoU of two masks of one image.

    Args:
        pred (dict): Compressed RLE.
        truth (dict): Compressed RLE.

    Returns:
        float: IoU in [0, 1]; 0 where both are empty.
    """
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
        num_classes (int, optional): What the sum of the class means is
            divided by. Defaults to the number of classes that occur.

    Returns:
        dict[str, float]: ``mIoU_star``, the mean over classes of the mean
        instance IoU, and ``IoU_k``, the share of instances whose IoU is k
        per cent or more; all in [0, 1].
    """
    ious, labels = np.asarray(ious), np.asarray(labels)
    means = [ious[labels == label].mean() for label in np.unique(labels)]
    result = dict(mIoU_star=float(sum(means) / (num_classes or len(means))))
    for k in thresholds:
        result[f'IoU_{k}'] = float((ious >= k / 100).mean())
    return result


@METRICS.register_module()
class InstanceIoUMetric(BaseMetric):
    """mIoU* and IoU@k of the labeller's masks, given the true boxes.

    Args:
        thresholds (Sequence[int]): Each k of IoU@k, in per cent. Defaults to
            (50, 75).
        num_classes (int, optional): See :func:`summarize_ious`; the authors
            divide by 80 on COCO.
        kwargs: Arguments of :class:`mmengine.evaluator.BaseMetric`.
    """

    default_prefix = 'mask'

    def __init__(self,
                 thresholds: Sequence[int] = (50, 75),
                 num_classes: Optional[int] = None,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.thresholds = thresholds
        self.num_classes = num_classes

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Compare the masks of some images.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): With ``gt_instances`` (windows,
                labels, segmentations) and ``pred_instances`` (masks).

        Raises:
            InputError: The data set has no true masks.
        """
        for sample in data_samples:
            gt, height_width = sample['gt_instances'], sample['ori_shape']
            if 'segmentations' not in gt:
                raise InputError(
                    f'{sample["img_path"]}: there is no true mask to compare '
                    'with. Evaluate on a COCO file with `segmentation`.')
            ious = [
                mask_iou(
                    encode_window(mask, window, *height_width),
                    to_rle(truth, *height_width))
                for mask, window, truth in zip(
                    sample['pred_instances']['masks'], gt['windows'],
                    gt['segmentations'])
            ]
            self.results.append((ious, gt['labels'].tolist()))

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Summarise all images.

        Args:
            results (list[tuple]): IoUs and labels of every image.

        Returns:
            dict[str, float]: See :func:`summarize_ious`.
        """
        ious = [iou for image, _ in results for iou in image]
        labels = [label for _, image in results for label in image]
        return summarize_ious(ious, labels, self.thresholds, self.num_classes)
