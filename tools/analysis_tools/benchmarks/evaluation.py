"""Evaluation of a detector with pycocotools and with faster-coco-eval.

Both evaluate the same synthetic detections, in as many images as VOC 2012 val
has, and must give the same numbers.
"""
import argparse
import os.path as osp
from contextlib import redirect_stdout
from io import StringIO
from tempfile import TemporaryDirectory
from typing import Callable, Dict, List

import numpy as np
import torch
from common import (COCO_SHAPE, best_ms, encode_ellipses, make_windows,
                    run_benchmark, write_coco)

from mmboxcaseg import InputError
from mmboxcaseg.registry import METRICS

NUM_CLASSES = 20
# Detections per image, and how many of them are near an object.
NUM_DETECTIONS, NUM_NEAR = 30, 15
# Each metric by pycocotools and by faster-coco-eval.
METRIC_PAIRS = dict(
    voc=(dict(type='mmboxcaseg.InstanceAPMetric'),
         dict(type='mmboxcaseg.InstanceAPMetric', backend='faster-coco-eval')),
    coco=(dict(type='CocoMetric'), dict(type='FasterCocoMetric')))


def detect(windows: np.ndarray, labels: np.ndarray,
           rng: np.random.Generator) -> dict:
    """Draw the detections of an image: half of them are near an object."""
    chosen = rng.integers(0, len(windows), NUM_NEAR)
    near = windows[chosen] + np.tile(rng.integers(-8, 9, (NUM_NEAR, 2)), 2)
    found = np.concatenate([
        near.clip(0, COCO_SHAPE[::-1] * 2),
        make_windows(rng, NUM_DETECTIONS - NUM_NEAR)
    ])
    found_labels = rng.integers(0, NUM_CLASSES, NUM_DETECTIONS)
    found_labels[:NUM_NEAR] = labels[chosen]
    return dict(
        bboxes=torch.tensor(found),
        labels=torch.tensor(found_labels),
        scores=torch.tensor(rng.random(NUM_DETECTIONS)),
        masks=encode_ellipses(found))


def draw_set(ann_file: str, num_images: int) -> List[dict]:
    """Write a COCO file of drawn objects; return samples with detections."""
    rng = np.random.default_rng(0)
    objects, fields, samples = [], [], []
    for i in range(num_images):
        windows = make_windows(rng, 1 + rng.poisson(1.4))
        labels = rng.integers(0, NUM_CLASSES, len(windows))
        objects.append(windows)
        pairs = zip(labels.tolist(), encode_ellipses(windows))
        fields += [dict(category_id=c, segmentation=rle) for c, rle in pairs]
        found = detect(windows, labels, rng)
        samples.append(
            dict(img_id=i, ori_shape=COCO_SHAPE, pred_instances=found))
    write_coco(ann_file, objects, fields=fields, num_classes=NUM_CLASSES)
    return samples


def build(cfg: dict, ann_file: str, samples: List[dict]) -> Callable:
    """Build a metric and return its evaluation of the samples."""
    metric = METRICS.build(
        dict(cfg, ann_file=ann_file, metric=['bbox', 'segm']))
    metric.dataset_meta = dict(classes=[str(i) for i in range(NUM_CLASSES)])

    def evaluate() -> Dict[str, float]:
        metric.process({}, samples)
        return metric.evaluate(len(samples))

    return evaluate


def measure(args: argparse.Namespace) -> Dict[str, float]:
    """Measure the seconds of each metric, and the speed-up."""
    result = {}
    with TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        ann_file = osp.join(folder, 'truth.json')
        samples = draw_set(ann_file, 10 if args.small else 1449)
        for name, pair in METRIC_PAIRS.items():
            slow, fast = (build(cfg, ann_file, samples) for cfg in pair)
            numbers, others = slow(), fast()
            if any(abs(numbers[k] - others[k]) > 1e-12 for k in numbers):
                raise InputError(f'metrics differ: {numbers} and {others}')
            ms = best_ms(slow=slow, fast=fast)
            result[f'{name}_pycocotools_s'] = ms[0] / 1000
            result[f'{name}_faster_s'] = ms[1] / 1000
            result[f'{name}_speedup'] = ms[0] / ms[1]
    return result


if __name__ == '__main__':
    run_benchmark(__doc__, measure)
