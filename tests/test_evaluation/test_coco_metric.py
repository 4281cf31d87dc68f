import json
from pathlib import Path

import pytest
from mmdet.registry import METRICS
from mmengine.registry import init_default_scope
from random_detections import CLASSES, RandomSet, run_metric

from mmboxcaseg import InputError

NAMES = ('CocoMetric', 'FasterCocoMetric')
each_metric = pytest.mark.parametrize('name', NAMES)


def build(name: str, ann_file: str, **kwargs):
    init_default_scope('mmdet')
    kwargs = dict(dict(metric=['bbox', 'segm']), **kwargs)
    return METRICS.build(dict(type=name, ann_file=ann_file, **kwargs))


def spoil(path: str, change) -> str:
    data = json.loads(Path(path).read_text())
    change(data)
    Path(path).write_text(json.dumps(data))
    return path


@each_metric
@pytest.mark.parametrize('seed', range(3))
def test_numbers_of_mmdet(tmp_path, name, seed):
    data = RandomSet(seed, tmp_path)
    stock, ours = (
        run_metric(build(scope + name, data.ann_file), data.samples)
        for scope in ('', 'mmboxcaseg.'))
    assert ours == stock
    assert 0 < ours['coco/segm_mAP_50'] < 1


@each_metric
def test_annotation_id_zero_can_be_found(tmp_path, name):
    data = RandomSet(0, tmp_path, perfect=True)
    for i, ann in enumerate(data.anns):
        ann['id'] = i
    ann_file = data.write(tmp_path / 'zero.json')
    stock, ours = (
        run_metric(build(scope + name, ann_file), data.samples)
        for scope in ('', 'mmboxcaseg.'))
    assert ours['coco/segm_mAP'] == ours['coco/bbox_mAP'] == 1
    assert stock['coco/segm_mAP'] < 1


@each_metric
@pytest.mark.parametrize('change, text', [
    (lambda d: d['annotations'][2].update(segmentation=[1, 2, 3, 4, 5, 6]),
     'annotation 3'),
    (lambda d: d['annotations'][2].pop('segmentation'), 'annotation 3'),
    (lambda d: d['annotations'][2].pop('bbox'), 'annotation 3'),
])
def test_broken_file_is_refused_at_the_start(tmp_path, name, change, text):
    ann_file = spoil(RandomSet(0, tmp_path).ann_file, change)
    with pytest.raises(InputError, match=text):
        build(f'mmboxcaseg.{name}', ann_file)


def test_boxes_need_no_masks(tmp_path):
    data = RandomSet(0, tmp_path)
    ann_file = spoil(data.ann_file,
                     lambda d: d['annotations'][2].pop('segmentation'))
    metric = build('mmboxcaseg.CocoMetric', ann_file, metric='bbox')
    assert run_metric(metric, data.samples)['coco/bbox_mAP_50'] > 0


@each_metric
def test_other_classes_are_refused_before_the_loop(tmp_path, name):
    metric = build(f'mmboxcaseg.{name}', RandomSet(0, tmp_path).ann_file)
    with pytest.raises(InputError, match='order'):
        metric.dataset_meta = dict(classes=CLASSES[::-1])
    metric.dataset_meta = dict(classes=CLASSES)


def test_results_are_written_without_annotations(tmp_path):
    data = RandomSet(0, tmp_path)
    ann_file = spoil(data.ann_file, lambda d: d.update(annotations=[]))
    metric = build(
        'mmboxcaseg.CocoMetric',
        ann_file,
        format_only=True,
        outfile_prefix=str(tmp_path / 'out'))
    run_metric(metric, data.samples)
    found = json.loads((tmp_path / 'out.segm.json').read_text())
    assert len(found) == sum(len(s.pred_instances) for s in data.samples)
