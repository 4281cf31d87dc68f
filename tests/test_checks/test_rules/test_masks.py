import re

import pytest
from check_loaders import box_dataset, check
from mmengine.config import Config

from mmboxcaseg import InputError
from mmboxcaseg.checks import check_config
from mmboxcaseg.registry import DATASETS


def test_val_without_masks(data):
    loaders = dict(
        val_dataloader=dict(dataset=box_dataset(data)),
        val_evaluator=dict(type='mmboxcaseg.InstanceIoUMetric'))
    findings, _ = check_config(Config(loaders), 1)
    assert len(next(iter(findings)).examples) == 4
    assert next(iter(findings)).kind == 'mask-missing'


@pytest.mark.parametrize('threshold, found', [(0.9, True), (0.7, False)])
def test_no_mask_reaches_the_threshold(data, threshold, found):
    rle = dict(size=[40, 50], counts='0')
    data.edit(lambda d: d['annotations'][0].update(
        segmentation=rle, mask_score=0.8, mask_source='x'))
    dataset = dict(
        box_dataset(data),
        type='mmboxcaseg.ProxyCocoDataset',
        metainfo=dict(classes=('cat', 'dog')),
        mask_score_thr=threshold)
    assert ('proxy-low' in check(train=dataset)[0]) == found


def test_masks_without_the_score_of_the_filter(data):
    rle = dict(size=[40, 50], counts='0')
    data.edit(lambda d: d['annotations'][0].update(
        segmentation=rle, mask_score=0.8, mask_source='x'))
    dataset = dict(
        box_dataset(data),
        type='mmboxcaseg.ProxyCocoDataset',
        metainfo=dict(classes=('cat', 'dog')),
        mask_filter=dict(key='expected_iou'))
    assert 'proxy-no-key' in check(train=dataset)[0]
    dataset['mask_filter'] = dict(thr=0.9)
    assert 'proxy-low' in check(train=dataset)[0]
    # As in training, ignored masks need no score.
    dataset['mask_filter'] = dict(key='expected_iou')
    data.edit(lambda d: d['annotations'][0].update(ignore=1))
    found = check(train=dataset)[0]
    assert 'proxy-none' in found and 'proxy-no-key' not in found


@pytest.mark.parametrize('true_masks', [True, False])
def test_masks_without_score(data, true_masks):
    polygon = [[5, 6, 20, 6, 20, 20]]
    data.edit(lambda d: d['annotations'][0].update(segmentation=polygon))
    dataset = dict(
        box_dataset(data),
        type='mmboxcaseg.ProxyCocoDataset',
        metainfo=dict(classes=('cat', 'dog')),
        true_masks=true_masks)
    assert ('proxy-unscored' in check(train=dataset)[0]) != true_masks


POLYGON = [[5, 6, 45, 6, 45, 39]]


def draw(d, **values):
    """Give an annotation a mask, and a box of this mask."""
    d['annotations'][0].update(
        segmentation=POLYGON, bbox=[5, 6, 40, 33], **values)


@pytest.mark.parametrize('edit, options, words', [
    (lambda d: None, dict(), "'no mask': 4"),
    (draw, dict(), None),
    (draw, dict(min_size=34), 'a side under 34 px'),
    (draw, dict(mask_filter=dict(key='expected_iou')), 'no `expected_iou`'),
    (lambda d: draw(d, expected_iou=0.5),
     dict(mask_filter=dict(key='expected_iou')), None),
    (lambda d: draw(d, expected_iou=0.5),
     dict(mask_filter=dict(key='expected_iou', thr=0.6)), 'Lower its `thr`'),
])
def test_masks_that_training_refuses(data, edit, options, words):
    data.edit(edit)
    dataset = dict(
        box_dataset(data), type='mmboxcaseg.MaskedCropDataset', **options)
    found = check(train=dataset)[0].get('teacher-unusable')
    if words is None:
        assert found is None
        DATASETS.build(dataset)
    else:
        assert words in found[0]
        with pytest.raises(InputError, match=re.escape(found[0])):
            DATASETS.build(dataset)
