import pytest
from check_loaders import box_dataset
from mmengine.config import Config

from mmboxcaseg import InputError
from mmboxcaseg.checks import check_classes, check_truth

SQUARE = [[5, 6, 20, 6, 20, 20]]
METRICS = [
    dict(type='mmboxcaseg.InstanceIoUMetric'),
    dict(type='CocoMetric', metric='segm'),
    dict(type='FasterCocoMetric', metric=['bbox', 'segm']),
    dict(type='mmboxcaseg.CocoMetric', metric=['segm']),
]
each_metric = pytest.mark.parametrize(
    'metric', METRICS, ids=lambda metric: metric['type'])


def validation(data, *metrics: dict) -> Config:
    return Config(
        dict(
            val_dataloader=dict(dataset=box_dataset(data)),
            val_evaluator=list(metrics)))


def give_masks(data, **other) -> None:

    def edit(content):
        for ann in content['annotations']:
            ann['segmentation'] = SQUARE
        content['annotations'][1].update(other)

    data.edit(edit)


@each_metric
def test_good_masks(data, metric):
    give_masks(data)
    check_truth(validation(data, metric), 'val')


@each_metric
@pytest.mark.parametrize('segmentation, text', [
    ([5, 6, 20, 6, 20, 20], 'not a list of polygons'),
    (dict(size=[50, 40], counts=[2000]), '`size` of its RLE'),
    (None, 'annotations have no `segmentation`'),
])
def test_broken_mask_is_found_at_the_start(data, metric, segmentation, text):
    give_masks(data, segmentation=segmentation)
    with pytest.raises(InputError, match='annotation 5') as error:
        check_truth(validation(data, metric), 'val')
    assert text in str(error.value)
    assert f'{data.boxes} (val_evaluator)' in str(error.value)


@pytest.mark.parametrize('metric', [
    dict(type='CocoMetric'),
    dict(type='CocoMetric', metric='bbox'),
    dict(type='CocoMetric', metric='segm', format_only=True),
])
def test_metrics_without_masks(data, metric):
    check_truth(validation(data, metric), 'val')


def test_file_of_the_metric_counts(data):
    give_masks(data)
    metric = dict(METRICS[1], ann_file='no.json')
    with pytest.raises(FileNotFoundError, match='no.json'):
        check_truth(validation(data, metric), 'val')


def test_other_stage_is_not_looked_at(data):
    check_truth(validation(data, METRICS[0]), 'test')


def detector(data, classes, num_classes: int = 2) -> Config:
    dataset = dict(
        box_dataset(data), type='CocoDataset', metainfo=dict(classes=classes))
    return Config(
        dict(
            model=dict(roi_head=dict(bbox_head=dict(num_classes=num_classes))),
            train_dataloader=dict(dataset=dataset)))


def test_classes_of_a_detector(data):
    check_classes(detector(data, ('cat', 'dog')))


@pytest.mark.parametrize('classes, num_classes, text', [
    (('cat', 'dog'), 3, 'model.roi_head.bbox_head.num_classes is 3'),
    (('dog', 'cat'), 2, r"Config: \['dog', 'cat'\]; file: \['cat', 'dog'\]"),
    (('cat', 'cow'), 2, r"Config: \['cat', 'cow'\]"),
])
def test_other_classes(data, classes, num_classes, text):
    with pytest.raises(InputError, match=text):
        check_classes(detector(data, classes, num_classes))


@pytest.mark.parametrize('kind, key, text', [
    ('images', 'file_name', 'has no `file_name`'),
    ('annotations', 'area', '1 of 5 annotations have no `area`'),
])
def test_what_mmdet_needs(data, kind, key, text):
    data.edit(lambda content: content[kind][0].pop(key))
    with pytest.raises(InputError, match=text):
        check_classes(detector(data, ('cat', 'dog')))
