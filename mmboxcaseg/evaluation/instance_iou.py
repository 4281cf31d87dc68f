from typing import Dict, List, Optional, Sequence

from mmengine.evaluator import BaseMetric

from mmboxcaseg import InputError
from mmboxcaseg.registry import METRICS
from mmboxcaseg.structures import (check_merge_rule, encode_window,
                                   merge_masks, to_rle)
from .ious import mask_iou, summarize_ious


@METRICS.register_module()
class InstanceIoUMetric(BaseMetric):
    """mIoU* and IoU@k of the masks that a labeller predicts in true boxes.

    Args:
        thresholds (Sequence[int]): Each k of IoU@k, in per cent. Defaults to
            (50, 75).
        num_classes (int, optional): See :func:`summarize_ious`; the authors
            divide by 80 on COCO.
        merge_by (str, optional): See :func:`merge_masks`. Only for data sets
            with all boxes of an image in one item. Defaults to None: masks
            are evaluated as they are predicted.
        kwargs: Arguments of :class:`mmengine.evaluator.BaseMetric`.
    """

    default_prefix = 'mask'

    def __init__(self,
                 thresholds: Sequence[int] = (50, 75),
                 num_classes: Optional[int] = None,
                 merge_by: Optional[str] = None,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        check_merge_rule(merge_by, has_probability=True)
        self.merge_by = merge_by
        self.thresholds, self.num_classes = thresholds, num_classes

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
            gt, size = sample['gt_instances'], sample['ori_shape']
            if 'segmentations' not in gt:
                raise InputError(
                    f'{sample["img_path"]}: a box has no true mask to compare '
                    'with. Evaluate on a COCO file with `segmentation`.')
            masks = sample['pred_instances']['masks']
            if self.merge_by:
                masks = merge_masks(masks, gt['windows'], gt['areas'],
                                    gt['ann_ids'], self.merge_by,
                                    getattr(masks, 'probability', None))
            masks = [
                encode_window(mask, window, *size)
                for mask, window in zip(masks, gt['windows'])
            ]
            truth = [to_rle(mask, *size) for mask in gt['segmentations']]
            ious = list(map(mask_iou, masks, truth))
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
