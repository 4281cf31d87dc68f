import copy
import json

import numpy as np
import pytest
from pycocotools import mask as mask_utils

from mmboxcaseg.proxy import from_labelme, to_labelme
from mmboxcaseg.structures import encode_window

IMG = dict(id=1, height=40, width=50)
NAMES = {1: 'dog', 3: 'cat'}


def annotation(ann_id: int, category_id: int, mask=None) -> dict:
    ann = dict(id=ann_id, category_id=category_id)
    if mask is not None:
        rle = encode_window(mask, (5, 6, 25, 21), 40, 50)
        ann.update(
            segmentation=rle,
            mask_score=0.5,
            mask_source='tiny',
            expected_iou=0.25)
    return ann


def two_parts() -> np.ndarray:
    """A square with a hole, and a smaller square."""
    mask = np.zeros((15, 20), bool)
    mask[:8, :8] = mask[10:, 12:] = True
    mask[3:5, 3:5] = False
    return mask


@pytest.fixture
def annotations() -> list:
    """Two masks, an empty one and a box without a mask."""
    return [
        annotation(11, 3, two_parts()),
        annotation(12, 1, np.ones((15, 20), bool)),
        annotation(13, 1, np.zeros((15, 20), bool)),
        annotation(14, 1)
    ]


@pytest.fixture
def content(annotations) -> dict:
    """A labelme file, as a program would read it."""
    written, _ = to_labelme(IMG, annotations, NAMES, '../a.jpg', 0.4)
    return json.loads(json.dumps(written))


def read(content: dict, annotations: list) -> tuple:
    return from_labelme(content, IMG, annotations, NAMES, 'a.json')


def test_form(content):
    assert content['imagePath'] == '../a.jpg'
    assert content['imageData'] is None
    assert (content['imageHeight'], content['imageWidth']) == (40, 50)
    shapes = content['shapes']
    assert [(s['label'], s['group_id']) for s in shapes] == [('cat', 11),
                                                             ('cat', 11),
                                                             ('dog', 12)]
    for shape in shapes:
        assert shape['shape_type'] == 'polygon'
        assert shape['description'] == 'mask_score 0.5, expected_iou 0.25'
        assert len(shape['points']) >= 4


def test_counts(annotations):
    _, counts = to_labelme(IMG, annotations, NAMES, '', 0)
    assert counts == dict(masks=2, parts=3, holes=1, with_holes=1, empty=1)


def test_untouched_file(content, annotations):
    content['shapes'].reverse()
    content['version'] = '6.3.1'
    assert read(content, annotations) == ([], {})


def test_moved_point(content, annotations):
    content['shapes'][2]['points'] = [[0, 0], [10, 0], [10, 20], [0, 20]]
    (record, ), ignored = read(content, annotations)
    assert record['id'] == 12 and record['mask_score'] == 1
    expected = np.zeros((40, 50))
    expected[:20, :10] = 1
    np.testing.assert_array_equal(
        mask_utils.decode(record['segmentation']), expected)
    assert ignored == {}


def test_deleted_part(content, annotations):
    # Once it is corrected, the whole mask is what is drawn: no hole either.
    del content['shapes'][1]
    (record, ), _ = read(content, annotations)
    mask = mask_utils.decode(record['segmentation'])
    assert record['id'] == 11 and record['mask_score'] == 1
    assert mask.sum() == mask[6:14, 5:13].sum() == 64


def test_deleted_mask(content, annotations):
    del content['shapes'][2]
    (record, ), _ = read(content, annotations)
    assert record['id'] == 12 and record['mask_score'] == 0
    assert not mask_utils.decode(record['segmentation']).any()


@pytest.mark.parametrize('ann_id', [13, 14])
def test_mask_for_a_box_that_had_none(content, annotations, ann_id):
    content['shapes'].append(
        dict(content['shapes'][2], group_id=ann_id, label='dog'))
    (record, ), _ = read(content, annotations)
    assert record['id'] == ann_id and record['mask_score'] == 1
    assert mask_utils.area(record['segmentation']) == 15 * 20


@pytest.mark.parametrize('group_id', [None, 99])
def test_shape_of_no_box(content, annotations, group_id):
    content['shapes'].append(dict(content['shapes'][0], group_id=group_id))
    records, ignored = read(content, annotations)
    (reason, shapes), = ignored.items()
    assert records == [] and 'left out' in reason
    assert shapes == ['a.json [3] (cat)']


def test_other_label(content, annotations):
    content['shapes'][2]['label'] = 'cat'
    records, ignored = read(content, annotations)
    (reason, shapes), = ignored.items()
    assert records == [] and 'class' in reason
    assert shapes == ['a.json [2] (cat)']


def shape(**values):
    return lambda data: data['shapes'][1].update(values)


@pytest.mark.parametrize('spoil, problem', [
    (lambda d: d.pop('shapes'), 'no `shapes`'),
    (lambda d: d.pop('mmboxcaseg'), 'no `mmboxcaseg`.*proxy_to_labelme.py'),
    (lambda d: d.update(imageHeight=50, imageWidth=40), '40x50 .* EXIF'),
    (shape(shape_type='rectangle'), r"not 'polygon'.*: shape \[1\]"),
    (shape(points=[[1, 2], [3, 4]]), r'three points or more: shape \[1\]'),
    (shape(points=[[1, 2], [3, 4], [5]]), r'three points.*: shape \[1\]'),
    (shape(group_id='11'), r'`group_id` is not .*: shape \[1\]'),
])
def test_broken_file(content, annotations, spoil, problem):
    spoil(content)
    with pytest.raises(ValueError, match=problem) as error:
        read(content, annotations)
    assert 'a.json' in str(error.value)


def test_other_proxy_file(content, annotations):
    others = copy.deepcopy(annotations)
    others[1]['segmentation'] = others[0]['segmentation']
    with pytest.raises(ValueError, match='a.json was not made from'):
        read(content, others)
