import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS, METRICS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from pycocotools import mask as mask_utils
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmboxcaseg.evaluation import InstanceAPMetric
from mmboxcaseg.structures import tight_box

ROOT = Path(__file__).resolve().parents[2]
HEIGHT, WIDTH = 40, 50
CLASSES = ('cat', 'dog', 'cow', 'bird')  # no true bird
CATEGORY_IDS = (3, 1, 7, 5)
THRESHOLDS = (25, 50, 70, 75)
IOU_THRS = np.array([0.25, 0.5, 0.7, 0.75])
each_seed = pytest.mark.parametrize('seed', range(20))
each_backend = pytest.mark.parametrize('backend',
                                       ['pycocotools', 'faster-coco-eval'])


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
            dict(id=sample.img_id, height=HEIGHT, width=WIDTH)
            for sample in self.samples
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


def detections_of(sample: DetDataSample, metric: str) -> List[dict]:
    """Detections of an image in COCO's form."""
    pred, result = sample.pred_instances, []
    for i, label in enumerate(pred.labels.tolist()):
        x0, y0, x1, y1 = pred.bboxes[i].tolist()
        what, scores = dict(
            bbox=(dict(bbox=[x0, y0, x1 - x0, y1 - y0]), pred.scores),
            segm=(dict(segmentation=encode(pred.masks[i].numpy())),
                  pred.mask_scores))[metric]
        result.append(
            dict(
                what,
                image_id=sample.img_id,
                category_id=CATEGORY_IDS[label],
                score=scores[i].item()))
    return result


def by_hand(data: RandomSet, metric: str, **params) -> COCOeval:
    """Drive pycocotools as its demo does."""
    truth = COCO(data.ann_file)
    found = truth.loadRes([
        detection for sample in data.samples
        for detection in detections_of(sample, metric)
    ])
    evaluator = COCOeval(truth, found, metric)
    vars(evaluator.params).update(params)
    evaluator.evaluate()
    evaluator.accumulate()
    return evaluator


def mean_precision(evaluator: COCOeval) -> List[float]:
    """AP of all sizes at every threshold."""
    precision = evaluator.eval['precision'][:, :, :, 0, -1]
    return [part[part > -1].mean() for part in precision]


@each_seed
@each_backend
def test_as_pycocotools_by_hand(tmp_path, seed, backend):
    data = RandomSet(seed, tmp_path)
    ours = run_metric(
        InstanceAPMetric(data.ann_file, backend=backend), data.samples)
    assert len(ours) == 8
    for metric in ('bbox', 'segm'):
        expected = mean_precision(by_hand(data, metric, iouThrs=IOU_THRS))
        assert 1 > expected[0] > expected[-1]
        for k, value in zip(THRESHOLDS, expected):
            assert ours[f'voc/{metric}_AP{k}'] == pytest.approx(
                value, abs=1e-12)


@each_seed
def test_cocos_numbers_of_the_other_backend(tmp_path, seed):
    init_default_scope('mmdet')
    data = RandomSet(seed, tmp_path)
    metric = METRICS.build(
        dict(
            type='FasterCocoMetric',
            ann_file=data.ann_file,
            metric=['bbox', 'segm']))
    theirs = run_metric(metric, data.samples)
    for name in ('bbox', 'segm'):
        evaluator = by_hand(data, name)
        evaluator.summarize()
        for key, value in zip(('', '_50', '_75', '_s', '_m', '_l'),
                              evaluator.stats):
            assert theirs[f'coco/{name}_mAP{key}'] == round(value, 3)


def test_close_to_the_area_under_the_curve(tmp_path):
    """What the docstring says of the paper's AP."""
    recalls = np.linspace(0, 1, 10001)
    for seed in range(5):
        data = RandomSet(seed, tmp_path)
        ours = run_metric(
            InstanceAPMetric(data.ann_file, 'segm'), data.samples)
        areas = mean_precision(
            by_hand(data, 'segm', iouThrs=IOU_THRS, recThrs=recalls))
        assert list(ours.values()) == pytest.approx(areas, abs=0.0101)


@each_backend
def test_perfect_detections(tmp_path, backend):
    data = RandomSet(0, tmp_path, perfect=True)
    ours = run_metric(
        InstanceAPMetric(data.ann_file, backend=backend), data.samples)
    assert list(ours.values()) == pytest.approx([1] * 8, abs=1e-12)


@each_backend
def test_the_best_100_detections_of_a_class_count(tmp_path, backend):
    data = RandomSet(0, tmp_path)
    for sample in data.samples:
        pred = sample.pred_instances
        wrong = InstanceData.cat([pred] * 40)
        wrong.bboxes, wrong.scores = wrong.bboxes + 100, wrong.scores + 1
        sample.pred_instances = InstanceData.cat([wrong, pred])
    ours = run_metric(
        InstanceAPMetric(data.ann_file, 'bbox', backend=backend), data.samples)
    expected = mean_precision(by_hand(data, 'bbox', iouThrs=IOU_THRS))
    assert list(ours.values()) == pytest.approx(expected, abs=1e-12)
    uncut = mean_precision(
        by_hand(data, 'bbox', iouThrs=IOU_THRS, maxDets=[1000]))
    assert expected != uncut


@each_backend
def test_no_detections(tmp_path, backend):
    data = RandomSet(0, tmp_path)
    for sample in data.samples:
        sample.pred_instances = sample.pred_instances[:0]
    ours = run_metric(
        InstanceAPMetric(data.ann_file, 'segm', backend=backend), data.samples)
    assert ours == {f'voc/segm_AP{k}': 0. for k in THRESHOLDS}


@each_backend
def test_no_true_objects(tmp_path, backend):
    data = RandomSet(0, tmp_path)
    data.anns = [dict(ann, iscrowd=1) for ann in data.anns]
    ann_file = data.write(tmp_path / 'crowds.json')
    ours = run_metric(
        InstanceAPMetric(ann_file, 'segm', [50], backend), data.samples)
    assert ours == {'voc/segm_AP50': -1.}


@each_backend
@pytest.mark.parametrize('label', [0, 2])
def test_one_class_of_many(tmp_path, label, backend):
    """Labels count the classes of the data set, not those of the file."""
    data = RandomSet(0, tmp_path)
    expected = mean_precision(
        by_hand(data, 'segm', catIds=[CATEGORY_IDS[label]], iouThrs=IOU_THRS))
    for sample in data.samples:
        pred = sample.pred_instances
        pred = pred[pred.labels == label]
        pred.labels[:] = 0
        sample.pred_instances = pred
    metric = InstanceAPMetric(
        data.ann_file, 'segm', backend=backend, prefix='one')
    ours = run_metric(metric, data.samples, CLASSES[label:label + 1])
    assert ours == pytest.approx(
        {
            f'one/segm_AP{k}': ap
            for k, ap in zip(THRESHOLDS, expected)
        },
        abs=1e-12)


@each_backend
def test_true_masks_of_any_form(tmp_path, backend):
    """Polygons, and RLEs whose counts are a list."""
    data = RandomSet(0, tmp_path)
    for i, ann in enumerate(data.anns):
        x, y, w, h = ann['bbox']
        if i % 2 and not ann['iscrowd']:
            ann['segmentation'] = [[x, y, x + w, y, x + w, y + h]]
        else:
            size = [HEIGHT, WIDTH]
            start = x * HEIGHT
            ann['segmentation'] = dict(
                size=size, counts=[start, h, HEIGHT * WIDTH - start - h])
    data.ann_file = data.write(tmp_path / 'forms.json')
    ours = run_metric(
        InstanceAPMetric(data.ann_file, 'segm', backend=backend), data.samples)
    expected = mean_precision(by_hand(data, 'segm', iouThrs=IOU_THRS))
    assert expected[0] > 0
    assert list(ours.values()) == pytest.approx(expected, abs=1e-12)


@each_backend
def test_true_objects_without_area_and_iscrowd(tmp_path, backend):
    data = RandomSet(0, tmp_path, perfect=True)
    for ann in data.anns:
        del ann['area'], ann['iscrowd']
    ann_file = data.write(tmp_path / 'short.json')
    ours = run_metric(
        InstanceAPMetric(ann_file, backend=backend), data.samples)
    assert list(ours.values()) == pytest.approx([1] * 8, abs=1e-12)


def test_evaluating_twice_gives_the_same(tmp_path):
    data = RandomSet(0, tmp_path)
    metric = InstanceAPMetric(data.ann_file)
    assert run_metric(metric, data.samples) == run_metric(metric, data.samples)


# ------------------------------------------------------------------ bad input
def test_backend_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, 'faster_coco_eval', None)
    with pytest.raises(ImportError, match='pip install faster-coco-eval'):
        InstanceAPMetric('no_file.json', backend='faster-coco-eval')


@pytest.mark.parametrize('options, message', [
    (dict(backend='lvis'), "backend must be one of .*'lvis'"),
    (dict(metric='proposal'), '"bbox", "segm" or both, but it is proposal'),
])
def test_unknown_option(options, message):
    with pytest.raises(ValueError, match=message):
        InstanceAPMetric('no_file.json', **options)


def test_file_of_boxes(tmp_path):
    data = RandomSet(0, tmp_path)
    num = len(data.anns)
    del data.anns[3]['segmentation']
    data.anns[5]['segmentation'] = []
    ann_file = data.write(tmp_path / 'boxes.json')
    with pytest.raises(
            ValueError,
            match=f'boxes.json: 2 of {num} annotations .* annotation 4, 6'):
        InstanceAPMetric(ann_file)
    ours = run_metric(InstanceAPMetric(ann_file, 'bbox'), data.samples)
    assert ours['voc/bbox_AP25'] > 0


@pytest.mark.parametrize('classes', [('cat', 'horse'), ('dog', 'cat')])
def test_classes_of_another_file(tmp_path, classes):
    metric = InstanceAPMetric(RandomSet(0, tmp_path).ann_file)
    with pytest.raises(ValueError) as error:
        metric.dataset_meta = dict(classes=classes)
    assert str(list(classes)) in str(error.value)
    assert str(list(CLASSES)) in str(error.value)


def test_detector_without_masks(tmp_path):
    data = RandomSet(0, tmp_path)
    for sample in data.samples:
        del sample.pred_instances.masks
    with pytest.raises(ValueError, match='detects no masks'):
        run_metric(InstanceAPMetric(data.ann_file), data.samples)
    ours = run_metric(InstanceAPMetric(data.ann_file, 'bbox'), data.samples)
    assert len(ours) == 4


# ------------------------------------------------------------------ the guide
def make_toy(folder: Path) -> None:
    tool = ROOT / 'tools/dataset_converters/make_toy.py'
    sizes = '--num-train 1 --num-val 3 --num-salient 1'.split()
    subprocess.run([sys.executable, tool, '--out', folder, *sizes], check=True)


def random_detections(img_id: int) -> DetDataSample:
    rng = np.random.default_rng(img_id)
    corners = rng.integers(0, 80, (9, 2))
    boxes = np.hstack([corners, corners + rng.integers(10, 80, (9, 2))])
    masks = np.zeros((9, 160, 160), dtype=bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes):
        mask[y0:y1, x0:x1] = True
    pred = InstanceData(
        bboxes=torch.tensor(boxes, dtype=torch.float32),
        labels=torch.tensor(rng.integers(0, 4, 9)),
        scores=torch.tensor(rng.random(9)),
        masks=torch.tensor(masks))
    return DetDataSample(pred_instances=pred)


def test_configs_of_the_guide(tmp_path, monkeypatch):
    make_toy(tmp_path / 'data/toy')
    monkeypatch.chdir(tmp_path)
    init_default_scope('mmdet')
    guide = (ROOT / 'docs/evaluation.md').read_text(encoding='utf-8')
    numbers = {}
    for snippet in re.findall(r'```python\n(.*?)```', guide, re.DOTALL):
        path = tmp_path / 'my_detector.py'
        path.write_text(snippet.replace("'configs/", f"'{ROOT}/configs/"))
        cfg = Config.fromfile(path)
        assert cfg.test_evaluator == cfg.val_evaluator
        dataset = DATASETS.build(cfg.val_dataloader.dataset)
        evaluator = Evaluator(cfg.val_evaluator)
        evaluator.dataset_meta = dataset.metainfo
        for item in dataset:
            sample = random_detections(item['data_samples'].img_id)
            sample.set_metainfo(item['data_samples'].metainfo)
            evaluator.process([sample])
        numbers.update(evaluator.evaluate(len(dataset)))
    assert len(numbers) == 8 + 12
    for metric in ('bbox', 'segm'):
        assert numbers[f'voc/{metric}_AP25'] > 0
        for k in (50, 75):
            assert numbers[f'coco/{metric}_mAP_{k}'] == round(
                numbers[f'voc/{metric}_AP{k}'], 3)
