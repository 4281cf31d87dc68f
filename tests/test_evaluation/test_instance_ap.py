import re
import subprocess
import sys
from pathlib import Path
from typing import List

import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS, METRICS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from random_detections import (CATEGORY_IDS, CLASSES, HEIGHT, WIDTH, RandomSet,
                               encode, run_metric)

from mmboxcaseg.evaluation import InstanceAPMetric

ROOT = Path(__file__).resolve().parents[2]
THRESHOLDS = (25, 50, 70, 75)
IOU_THRS = np.array([0.25, 0.5, 0.7, 0.75])
each_seed = pytest.mark.parametrize('seed', range(20))
each_backend = pytest.mark.parametrize('backend',
                                       ['pycocotools', 'faster-coco-eval'])


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


@each_backend
@pytest.mark.parametrize('first_id', [0, -3])
def test_any_ids_give_the_same(tmp_path, backend, first_id):
    """COCOeval itself never counts the annotation of id 0 as found."""
    data = RandomSet(0, tmp_path, perfect=True)
    for i, ann in enumerate(data.anns):
        ann['id'] = i + first_id
    ann_file = data.write(tmp_path / 'zero.json')
    data.ann_file = ann_file
    theirs = mean_precision(by_hand(data, 'segm', iouThrs=IOU_THRS))
    assert max(theirs) < 1
    ours = run_metric(
        InstanceAPMetric(ann_file, backend=backend), data.samples)
    assert list(ours.values()) == pytest.approx([1] * 8, abs=1e-12)


@each_backend
def test_ignored_objects_are_as_crowds(tmp_path, backend):
    data = RandomSet(0, tmp_path)
    crowds = [
        dict(ann, iscrowd=int(i % 3 == 0)) for i, ann in enumerate(data.anns)
    ]
    data.anns = [dict(ann, iscrowd=0, ignore=ann['iscrowd']) for ann in crowds]
    ignored = data.write(tmp_path / 'ignored.json')
    data.anns = crowds
    expected, ours = (
        run_metric(InstanceAPMetric(path, backend=backend), data.samples)
        for path in (data.write(tmp_path / 'crowds.json'), ignored))
    assert ours == expected


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
