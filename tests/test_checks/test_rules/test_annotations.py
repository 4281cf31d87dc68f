import pytest
from check_loaders import box_dataset, check
from mmengine.config import Config

from mmboxcaseg.checks import check_config


@pytest.mark.parametrize('change, kind, example', [
    (dict(ignore=1), 'box-ignored', 'annotation 5'),
    (dict(rotation=30), 'box-rotated', 'rotation=30'),
    (dict(attributes=dict(angle=2)), 'box-rotated', 'angle=2'),
])
def test_keys_that_change_the_meaning(data, change, kind, example):
    data.edit(lambda d: d['annotations'][1].update(change))
    found, _ = check(train=box_dataset(data))
    (case, ) = found[kind]
    assert case.startswith('annotation 5 ') and example in case


@pytest.mark.parametrize('metric, is_told', [
    (dict(type='CocoMetric', ann_file='val.json'), True),
    (dict(type='mmdet.FasterCocoMetric', ann_file='val.json'), True),
    (dict(type='CocoMetric'), False),
    (dict(type='mmboxcaseg.CocoMetric', ann_file='val.json'), False),
])
def test_annotation_id_zero(data, metric, is_told):
    data.edit(lambda d: d['annotations'][1].update(id=0))
    cfg = Config(
        dict(
            val_dataloader=dict(dataset=box_dataset(data)),
            val_evaluator=[dict(type='InstanceIoUMetric'), metric]))
    findings, _ = check_config(cfg, 1)
    examples = [f.examples for f in findings if f.kind == 'id-zero']
    assert len(examples) == is_told
