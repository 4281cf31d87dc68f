import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from mmboxcaseg import InputError
from mmboxcaseg.proxy.label_studio import from_label_studio, to_label_studio
from mmboxcaseg.structures import encode_window

IMG = dict(id=7, file_name='a.png', height=12, width=9)
NAMES = {1: 'cat'}


@pytest.fixture
def ann(rng) -> dict:
    rle = encode_window(
        rng.random((12, 9)) < .5, np.array([0, 0, 9, 12]), 12, 9)
    return dict(
        id=-3,
        category_id=1,
        bbox=[0, 0, 9, 12],
        segmentation=rle,
        mask_score=0.5,
        mask_source='test')


@pytest.fixture
def sdk(monkeypatch):
    """A stand-in for label-studio-sdk: four channels, one after another."""
    brush = SimpleNamespace(
        mask2rle=lambda mask: np.repeat(mask.ravel(), 4).tolist(),
        decode_rle=np.array)
    for name, part in [('label_studio_sdk', None),
                       ('label_studio_sdk.converter', None)]:
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(brush=brush))


@pytest.mark.parametrize('tolerance', [None, 0, 0.4])
def test_untouched_masks(sdk, ann, tolerance):
    task = to_label_studio('url', IMG, [ann], NAMES, tolerance)
    task = json.loads(json.dumps(task))
    assert from_label_studio(task, IMG, [ann], NAMES, tolerance) == ([], {})


def test_brush(sdk, ann):
    task = to_label_studio('url', IMG, [ann], NAMES, None)
    region, = task['annotations'][0]['result']
    assert region['type'] == 'brushlabels'
    assert set(region['value']['rle']) == {0, 255}
    assert region['meta']['text'] == [
        'annotation_id -3', 'mask_score 0.5', 'mask_source test'
    ]
    region['value']['rle'] = [0] * (12 * 9 * 4 - 1) + [1]
    (record, ), _ = from_label_studio(task, IMG, [ann], NAMES, None)
    assert record == dict(
        id=-3,
        mask_score=1,
        expected_iou=1,
        segmentation=encode_window(
            np.ones((1, 1), bool), np.array([8, 11, 9, 12]), 12, 9))


def test_brush_of_another_size(sdk, ann):
    task = to_label_studio('url', IMG, [ann], NAMES, None)
    with pytest.raises(InputError, match='labelled mask of an image of 10x12'):
        from_label_studio(task, dict(IMG, width=10), [ann], NAMES, None)
