"""Evaluation of a detector by pycocotools and by faster-coco-eval.

Both evaluate the same drawn detections, of as many images as VOC 2012 val has,
and must give the same numbers.
"""
import argparse
import os.path as osp
import tempfile
import time
from contextlib import redirect_stdout
from io import StringIO
from typing import Dict, List, Tuple

import numpy as np
import torch
from benchmark_proxy import HEIGHT, WIDTH, draw_ellipses, make_windows
from mmengine.fileio import dump
from mmengine.registry import init_default_scope

from mmboxcaseg.registry import METRICS
from mmboxcaseg.structures import encode_window, xywh_to_xyxy

NUM_IMAGES, NUM_CLASSES = 1449, 20
# Of an image; the near ones lie about an object.
NUM_DETECTIONS, NUM_NEAR = 30, 15
CLASSES = [f'class {i}' for i in range(NUM_CLASSES)]
# Each metric by pycocotools and by faster-coco-eval.
METRIC_PAIRS = dict(
    voc=(dict(type='mmboxcaseg.InstanceAPMetric'),
         dict(type='mmboxcaseg.InstanceAPMetric', backend='faster-coco-eval')),
    coco=(dict(type='CocoMetric'), dict(type='FasterCocoMetric')))


def encode(windows: np.ndarray) -> List[dict]:
    """RLEs of the inscribed ellipses of windows, (n, 4)."""
    return [
        encode_window(mask, window, HEIGHT, WIDTH)
        for mask, window in zip(draw_ellipses(windows), windows)
    ]


def draw_objects(rng: np.random.Generator) -> List[dict]:
    """Draw the annotations of an image."""
    windows = make_windows(rng, 1 + rng.poisson(1.4))
    labels = rng.integers(0, NUM_CLASSES, len(windows)).tolist()
    return [
        dict(
            category_id=label,
            iscrowd=0,
            bbox=[x0, y0, x1 - x0, y1 - y0],
            area=(x1 - x0) * (y1 - y0),
            segmentation=rle)
        for (x0, y0, x1,
             y1), label, rle in zip(windows.tolist(), labels, encode(windows))
    ]


def detect(objects: List[dict], rng: np.random.Generator) -> dict:
    """Draw the detections of an image: half of them lie about an object."""
    about = [objects[i] for i in rng.integers(0, len(objects), NUM_NEAR)]
    near = xywh_to_xyxy([ann['bbox'] for ann in about]).astype(int)
    near += np.tile(rng.integers(-8, 9, (NUM_NEAR, 2)), 2)
    windows = np.concatenate([
        near.clip(0, [WIDTH, HEIGHT] * 2),
        make_windows(rng, NUM_DETECTIONS - NUM_NEAR)
    ])
    labels = rng.integers(0, NUM_CLASSES, NUM_DETECTIONS)
    labels[:NUM_NEAR] = [ann['category_id'] for ann in about]
    return dict(
        bboxes=torch.tensor(windows),
        labels=torch.tensor(labels),
        scores=torch.tensor(rng.random(NUM_DETECTIONS)),
        masks=encode(windows))


def draw_set(ann_file: str) -> List[dict]:
    """Draw all images.

    Args:
        ann_file (str): Where to write the COCO file of the objects.

    Returns:
        list[dict]: Data samples with the detections.
    """
    rng = np.random.default_rng(0)
    images, annotations, samples = [], [], []
    for img_id in range(NUM_IMAGES):
        images.append(dict(id=img_id, height=HEIGHT, width=WIDTH))
        objects = draw_objects(rng)
        for ann in objects:
            ann.update(id=len(annotations) + 1, image_id=img_id)
            annotations.append(ann)
        samples.append(
            dict(
                img_id=img_id,
                ori_shape=(HEIGHT, WIDTH),
                pred_instances=detect(objects, rng)))
    categories = [dict(id=i, name=name) for i, name in enumerate(CLASSES)]
    dump(
        dict(images=images, annotations=annotations, categories=categories),
        ann_file)
    return samples


def evaluate(cfg: dict, ann_file: str,
             samples: List[dict]) -> Tuple[Dict[str, float], float]:
    """Evaluate the detections: the numbers, and the best seconds of three."""
    seconds = []
    with redirect_stdout(StringIO()):
        metric = METRICS.build(
            dict(cfg, ann_file=ann_file, metric=['bbox', 'segm']))
        metric.dataset_meta = dict(classes=CLASSES)
        for _ in range(3):
            metric.process({}, samples)
            start = time.perf_counter()
            numbers = metric.evaluate(len(samples))
            seconds.append(time.perf_counter() - start)
    return numbers, min(seconds)


def measure() -> Dict[str, float]:
    """Seconds of every metric and how many times as fast the second is."""
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        ann_file = osp.join(folder, 'truth.json')
        samples = draw_set(ann_file)
        for name, pair in METRIC_PAIRS.items():
            (slow, slow_s), (fast, fast_s) = (
                evaluate(cfg, ann_file, samples) for cfg in pair)
            if any(abs(slow[key] - fast[key]) > 1e-12 for key in slow):
                raise SystemExit(f'the numbers differ: {slow} and {fast}')
            result.update({
                f'{name}_pycocotools_s': slow_s,
                f'{name}_faster_s': fast_s,
                f'{name}_speedup': slow_s / fast_s
            })
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', help='JSON file to write')
    args = parser.parse_args()
    init_default_scope('mmdet')
    result = measure()
    for key, value in result.items():
        print(f'{key:20s} {value:8.3f}')
    if args.out:
        dump(result, args.out, indent=1)


if __name__ == '__main__':
    main()
