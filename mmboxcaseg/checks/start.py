"""Checks of COCO files that programs make at their start."""
from mmdet.datasets import CocoDataset
from mmengine.config import Config

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (check_class_list, check_class_order,
                                      check_true_masks, load_coco,
                                      load_for_mmdet)
from .findings import Findings
from .rules.classes import class_numbers
from .sources import evaluators_of, find_sources, is_metric


def check_classes(cfg: Config) -> None:
    """Compare a detector's classes with its heads and its COCO files.

    mmdet leaves out the boxes of a class that it does not find, or ends with
    "need at least one array to concatenate", and it numbers classes as the
    file does. Files may lack what it needs, see :func:`load_for_mmdet`. The
    data sets of mmboxcaseg check their files themselves.

    Args:
        cfg (Config): Config of any stage.

    Raises:
        FileNotFoundError: A COCO file does not exist.
        InputError: The classes differ (the message names both sides), or
            mmdet cannot read a file.
    """
    heads = class_numbers(cfg.get('model') or {}, 'model')
    for source in find_sources(cfg, Findings()):
        if not source.is_detection:
            continue
        classes = source.dataset.metainfo['classes']
        check_class_list(classes)
        for name, number in heads:
            if number != len(classes):
                raise InputError(
                    f'{name}.num_classes is {number}, but the data set of '
                    f'{source.loaders[0]} has {len(classes)} classes: '
                    f'{list(classes)}. Correct one of them.')
        if type(source.dataset) is CocoDataset:
            path = source.dataset.ann_file
            backend_args = source.dataset.backend_args
            data = load_for_mmdet(path, backend_args)
            check_class_order(data['categories'], classes, path)


def check_truth(cfg: Config, stage: str) -> None:
    """Check the ground-truth masks of the evaluators.

    Metrics that read them during the evaluation would fail in the middle.

    Args:
        cfg (Config): Config of any stage.
        stage (str): 'val' or 'test'.

    Raises:
        FileNotFoundError: A COCO file does not exist.
        InputError: Annotations have no usable mask. The message names them.
    """
    used = [one for one in evaluators_of(cfg, stage) if _compares_masks(one)]
    for source in find_sources(cfg, Findings()) if used else []:
        if f'{stage}_dataloader' not in source.loaders:
            continue
        for one in used:
            # Without `ann_file`, a metric reads the file of the data set.
            own = one if one.get('ann_file') else vars(source.dataset)
            data = load_coco(own['ann_file'], own.get('backend_args'))
            images = {img['id']: img for img in data['images']}
            check_true_masks(data['annotations'], images,
                             f'{own["ann_file"]} ({stage}_evaluator)')


def _compares_masks(evaluator: dict) -> bool:
    """Whether a metric needs masks, and does not check them at its start."""
    return is_metric(evaluator, 'InstanceIoUMetric') or (
        is_metric(evaluator, 'CocoMetric', 'FasterCocoMetric')
        and 'segm' in evaluator.get('metric', 'bbox')
        and not evaluator.get('format_only'))
