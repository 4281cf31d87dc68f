from itertools import chain
from typing import Dict, List, Optional, Sequence, Union

import numpy as np
from mmdet.datasets.api_wrappers import COCO, COCOeval

from mmboxcaseg import InputError
from mmboxcaseg.registry import METRICS
from .coco_metric import CocoMetric

BACKENDS = ('pycocotools', 'faster-coco-eval')


def load_evaluator(backend: str) -> type:
    """Import ``COCOeval`` or its replacement.

    Args:
        backend (str): One of ``BACKENDS``.

    Returns:
        type: The class.

    Raises:
        ImportError: The package of the backend is not installed.
        InputError: There is no such backend.
    """
    if backend not in BACKENDS:
        raise InputError(
            f'backend must be one of {BACKENDS}, but it is {backend!r}.')
    if backend == 'pycocotools':
        return COCOeval
    try:
        from faster_coco_eval import COCOeval_faster
    except ImportError as error:
        raise ImportError(
            f'backend={backend!r} needs `pip install faster-coco-eval`. Run '
            'it, or leave `backend` out.') from error
    return COCOeval_faster


@METRICS.register_module()
class InstanceAPMetric(CocoMetric):
    """AP of boxes and masks at single IoU thresholds (Table 1).

    AP is defined as in COCO: the detections of an image are matched in the
    order of their scores, at most 100 per class; the interpolated precision
    is averaged over 101 recalls, then over the classes that have true
    objects. Objects of all sizes count. Crowds, and detections inside them,
    do not.

    The paper follows BBTP, which evaluates the area under the same
    interpolated precision curve (VOC since 2010). The mean over 101 points of
    a falling curve differs from this area by less than 0.01.

    The results are named ``segm_AP25`` and so on and are not rounded. AP is 0
    without any detection, and -1 if no class has a true object. For averages
    over IoUs and object sizes (Table 2) use :class:`CocoMetric`.

    Args:
        ann_file (str): COCO JSON with the true objects.
        metric (str | Sequence[str]): 'bbox', 'segm' or both, the default.
        thresholds (Sequence[int]): Each IoU threshold, in per cent. Defaults
            to (25, 50, 70, 75).
        backend (str): 'pycocotools' or 'faster-coco-eval', which is faster
            and gives the same numbers. Defaults to 'pycocotools'.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.
        collect_device (str): See :class:`mmengine.evaluator.BaseMetric`.
            Defaults to 'cpu'.
        prefix (str, optional): Defaults to 'voc'.

    Raises:
        FileNotFoundError: The file does not exist.
        ImportError: The package of the backend is not installed.
        InputError: ``metric`` or ``backend`` is unknown, the file lacks
            masks, or its classes differ from those of the data set.
    """

    default_prefix = 'voc'

    def __init__(self,
                 ann_file: str,
                 metric: Union[str, Sequence[str]] = ('bbox', 'segm'),
                 thresholds: Sequence[int] = (25, 50, 70, 75),
                 backend: str = 'pycocotools',
                 backend_args: Optional[dict] = None,
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None) -> None:
        metrics = [metric] if isinstance(metric, str) else list(metric)
        if not set(metrics) <= {'bbox', 'segm'}:
            raise InputError(
                f'metric must be "bbox", "segm" or both, but it is {metric}.')
        self.evaluator = load_evaluator(backend)
        kwargs = dict(collect_device=collect_device, prefix=prefix)
        super().__init__(
            ann_file, metrics, backend_args=backend_args, **kwargs)
        self.thresholds = thresholds

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Compute the AP of all images.

        Args:
            results (list[tuple]): Per image, its size and its detections.

        Returns:
            dict[str, float]: AP in [0, 1] by name, such as ``segm_AP25``.

        Raises:
            InputError: Detections have no masks to measure.
        """
        # In the order of the file, like the labels of CocoDataset.
        self.cat_ids = self._coco_api.get_cat_ids(
            cat_names=self.dataset_meta['classes'])
        numbers = {}
        for metric in self.metrics:
            found = [self._to_coco(image, metric) for _, image in results]
            aps = self._average_precisions(list(chain(*found)), metric)
            for k, ap in zip(self.thresholds, aps):
                numbers[f'{metric}_AP{k}'] = ap
        return numbers

    def _to_coco(self, image: dict, metric: str) -> List[dict]:
        """Detections of an image in the form of COCO results."""
        scores = image['scores']
        if metric == 'segm':
            # Mask Scoring R-CNN predicts separate scores of masks.
            scores = image.get('mask_scores', scores)
        detections = [
            dict(
                image_id=image['img_id'],
                category_id=self.cat_ids[label],
                score=score,
                bbox=self.xyxy2xywh(box)) for box, label, score in zip(
                    image['bboxes'], image['labels'], scores.tolist())
        ]
        if metric == 'segm' and detections:
            if 'masks' not in image:
                raise InputError('The model detects no masks. Test a model '
                                 "that does, or set metric='bbox'.")
            for detection, mask in zip(detections, image['masks']):
                detection['segmentation'] = mask
        return detections

    def _average_precisions(self, detections: List[dict],
                            metric: str) -> List[float]:
        """AP of the detections at every threshold."""
        # loadRes() fails without any detection.
        found = self._coco_api.loadRes(detections) if detections else COCO()
        evaluator = self.evaluator(self._coco_api, found, metric)
        params = evaluator.params
        params.catIds = self.cat_ids
        params.iouThrs = np.array(self.thresholds) / 100
        params.maxDets = [100]
        params.areaRng = params.areaRng[:1]  # all sizes
        params.areaRngLbl = params.areaRngLbl[:1]
        evaluator.evaluate()
        evaluator.accumulate()
        # Has shape (thresholds, recalls, classes, 1, 1), and is -1 where the
        # class has no true object.
        precision = evaluator.eval['precision']
        parts = [part[part > -1] for part in precision]
        return [float(part.mean()) if part.size else -1. for part in parts]
