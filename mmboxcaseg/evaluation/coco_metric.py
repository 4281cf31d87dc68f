from typing import Optional

from mmdet.datasets.api_wrappers import COCO
from mmdet.evaluation import CocoMetric as StockCocoMetric
from mmdet.evaluation import FasterCocoMetric as StockFasterCocoMetric
from mmengine.evaluator import BaseMetric

from mmboxcaseg.datasets.coco import (area_of, check_class_order,
                                      check_true_masks, is_ignored, load_coco)
from mmboxcaseg.registry import METRICS


def load_truth(ann_file: str,
               backend_args: Optional[dict] = None,
               needs_masks: bool = True) -> COCO:
    """Read a COCO file of ground truth for COCOeval.

    Args:
        ann_file (str): COCO JSON file.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.
        needs_masks (bool): Whether all annotations need masks. Defaults to
            True.

    Returns:
        COCO: Its content. Annotations are numbered from 1 and have an
        ``area``; those marked ``ignore`` are crowds.

    Raises:
        FileNotFoundError: The file does not exist.
        InputError: It is broken, or lacks masks.
    """
    data = load_coco(ann_file, backend_args)
    if needs_masks:
        images = {img['id']: img for img in data['images']}
        check_true_masks(data['annotations'], images, ann_file)
    for number, ann in enumerate(data['annotations'], start=1):
        # COCOeval stores the id of the matched annotation for each detection,
        # and 0 for no match: an annotation with id 0 never counts as found.
        ann.update(id=number, area=area_of(ann), iscrowd=int(is_ignored(ann)))
    coco = COCO()
    coco.dataset = data
    coco.createIndex()
    return coco


class ReadsTruth(BaseMetric):
    """Mixin for mmdet's COCO metrics: :func:`load_truth` reads the file.

    Args:
        ann_file (str, optional): COCO JSON with the true objects. Defaults to
            None: the metric uses the ground truth of the data set.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.
        args, kwargs: Other arguments of the stock metric.

    Raises:
        FileNotFoundError: The file does not exist.
        InputError: It is broken, lacks masks for ``metric='segm'``, or its
            classes differ from those of the data set.
    """

    def __init__(self,
                 ann_file: Optional[str] = None,
                 *args,
                 backend_args: Optional[dict] = None,
                 **kwargs) -> None:
        # With format_only nothing is compared: the file may lack annotations.
        compares = ann_file is not None and not kwargs.get('format_only')
        # Otherwise the stock metric would read the file a second time.
        stock_file = None if compares else ann_file
        super().__init__(
            stock_file, *args, backend_args=backend_args, **kwargs)
        self.ann_file = ann_file
        if compares:
            needs_masks = 'segm' in self.metrics
            self._coco_api = load_truth(ann_file, backend_args, needs_masks)

    @property
    def dataset_meta(self) -> Optional[dict]:
        """dict, optional: Meta information of the data set."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: dict) -> None:
        """Check the classes. Loops set the meta information at their start."""
        self._dataset_meta = meta
        if self._coco_api is not None:
            check_class_order(self._coco_api.dataset['categories'],
                              meta['classes'], self.ann_file)


@METRICS.register_module()
class CocoMetric(ReadsTruth, StockCocoMetric):
    """:class:`mmdet.evaluation.CocoMetric` with the right AP for any ids.

    The stock metric silently counts an annotation of id 0 as not found. This
    one also checks masks and the order of classes, before the run starts. See
    :class:`ReadsTruth` for the arguments.
    """


@METRICS.register_module()
class FasterCocoMetric(ReadsTruth, StockFasterCocoMetric):
    """:class:`CocoMetric` with ``faster-coco-eval``: faster, same numbers."""
