import pytest
from check_loaders import box_dataset
from mmengine.config import Config

from mmboxcaseg.checks import Findings
from mmboxcaseg.checks.sources import evaluators_of, find_sources, is_metric


def test_roles_of_a_data_set(data):
    cfg = Config({
        f'{name}_dataloader':
        dict(dataset=box_dataset(data, per_image=on))
        for name, on in dict(train=False, label=True, val=True).items()
    })
    one, = find_sources(cfg, Findings())
    assert one.is_trained and one.is_tested
    assert not one.is_detection and not one.is_salient
    assert one.dataset.ann_file == str(data.boxes)
    assert one.loaders == [
        'train_dataloader', 'label_dataloader', 'val_dataloader'
    ]


def test_image_loader_of_the_pipeline(data):
    dataset = box_dataset(data)
    dataset['pipeline'] = [
        dict(type='LoadImageFromFile', color_type='grayscale')
    ]
    cfg = Config(dict(train_dataloader=dict(dataset=dataset)))
    one, = find_sources(cfg, Findings())
    assert one.loader.color_type == 'grayscale'


@pytest.mark.parametrize('evaluator, number', [
    (None, 0),
    (dict(type='CocoMetric'), 1),
    ([dict(type='CocoMetric'),
      dict(type='mmboxcaseg.InstanceIoUMetric')], 2),
])
def test_evaluators(evaluator, number):
    cfg = Config(dict(val_evaluator=evaluator))
    assert len(evaluators_of(cfg, 'val')) == number
    assert evaluators_of(cfg, 'test') == []


def test_names_of_metrics():
    assert is_metric(dict(type='mmdet.CocoMetric'), 'CocoMetric', 'Other')
    assert not is_metric(dict(type='MyCocoMetric'), 'CocoMetric')
    assert not is_metric({}, 'CocoMetric')
