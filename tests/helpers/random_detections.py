"""Random true objects and detections, to test metrics with."""
import json
from pathlib import Path
from typing import Dict, List

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from pycocotools import mask as mask_utils

from mmboxcaseg.structures import tight_box

HEIGHT, WIDTH = 40, 50
CLASSES = ('cat', 'dog', 'cow', 'bird')  # no true bird
CATEGORY_IDS = (3, 1, 7, 5)


def encode(mask: np.ndarray) -> dict:
    rle = mask_utils.encode(np.asfortranarray(mask.astype(np.uint8)))
    return dict(size=rle['size'], counts=rle['counts'].decode())


def draw_mask(rng: np.random.Generator) -> np.ndarray:
    """A rectangle with holes."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    x, y = rng.integers(0, (WIDTH - 10, HEIGHT - 10))
    w, h = rng.integers(4, 25, 2)
    mask[y:y + h, x:x + w] = True
    return mask & (rng.random(mask.shape) < 0.9)


def shake(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A prediction of a mask: shifted, and some pixels are lost."""
    mask = np.roll(mask, rng.integers(-2, 3, 2), axis=(0, 1))
    return mask & (rng.random(mask.shape) < 0.95)


def annotate(mask: np.ndarray, **fields) -> dict:
    x0, y0, x1, y1 = tight_box(mask)
    return dict(
        bbox=[x0, y0, x1 - x0, y1 - y0],
        area=int(mask.sum()),
        segmentation=encode(mask),
        **fields)


class RandomSet:
    """True objects of some images and what a detector makes of them.

    Args:
        seed (int): Of the random numbers.
        folder (Path): Where the annotation file is written.
        perfect (bool): Whether every object is found, and nothing else.
            Defaults to False.
    """

    def __init__(self, seed: int, folder: Path, perfect: bool = False) -> None:
        rng = np.random.default_rng(seed)
        self.anns: List[dict] = []
        self.samples: List[DetDataSample] = []
        for img_id in rng.permutation(10).tolist():
            masks = [draw_mask(rng) for _ in range(rng.integers(0, 7))]
            labels = rng.integers(0, 3, len(masks))
            crowds = rng.random(len(masks)) < (0 if perfect else 0.15)
            for mask, label, crowd in zip(masks, labels, crowds):
                self.anns.append(
                    annotate(
                        mask,
                        id=len(self.anns) + 1,
                        image_id=img_id,
                        category_id=CATEGORY_IDS[label],
                        iscrowd=int(crowd)))
            if not perfect:
                masks, labels = self._detect(masks, labels, rng)
            self._add_sample(img_id, masks, labels, rng)
        self.ann_file = self.write(folder / f'truth_{seed}.json')

    def _detect(self, masks, labels, rng) -> tuple:
        """Find some objects twice, some in part, some that do not exist."""
        if rng.random() < 0.25 or not masks:
            return [], np.zeros(0, dtype=int)
        found = rng.integers(0, len(masks), rng.integers(1, 20))
        labels = np.where(
            rng.random(len(found)) < 0.8, labels[found],
            rng.integers(0, 4, len(found)))
        return [shake(masks[i], rng) for i in found], labels

    def _add_sample(self, img_id, masks, labels, rng) -> None:
        boxes = [tight_box(mask) for mask in masks]
        # One digit: many scores are equal.
        scores = rng.random((2, len(masks))).round(1)
        pred = InstanceData(
            bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
            labels=torch.tensor(labels),
            scores=torch.tensor(scores[0]),
            mask_scores=torch.tensor(scores[1]),
            masks=torch.tensor(np.array(masks).reshape(-1, HEIGHT, WIDTH)))
        sample = DetDataSample(pred_instances=pred)
        sample.set_metainfo(dict(img_id=img_id, ori_shape=(HEIGHT, WIDTH)))
        self.samples.append(sample)

    def write(self, path: Path) -> str:
        images = [
            dict(
                id=sample.img_id,
                file_name=f'{sample.img_id}.jpg',
                height=HEIGHT,
                width=WIDTH) for sample in self.samples
        ]
        categories = [
            dict(id=i, name=name) for i, name in zip(CATEGORY_IDS, CLASSES)
        ]
        path.write_text(
            json.dumps(
                dict(
                    images=images,
                    categories=categories,
                    annotations=self.anns)))
        return str(path)


def run_metric(metric, samples, classes=CLASSES) -> Dict[str, float]:
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = dict(classes=classes)
    for sample in samples:
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))
