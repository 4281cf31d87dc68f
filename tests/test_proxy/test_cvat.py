from xml.etree.ElementTree import fromstring, tostring

import numpy as np
import pytest

from mmboxcaseg.proxy.cvat import cvat_root, from_cvat, to_cvat
from mmboxcaseg.structures import encode_window

IMG = dict(file_name='a&b.png', height=12, width=9)
NAMES = {1: 'cat', 2: '<dog>'}


def annotations(masks: list) -> list:
    whole = np.array([0, 0, 9, 12])
    return [
        dict(
            id=i - 1,
            category_id=i % 2 + 1,
            bbox=[0, 0, 9, 12],
            segmentation=encode_window(mask, whole, 12, 9),
            mask_score=0.5,
            mask_source='test') for i, mask in enumerate(masks)
    ]


@pytest.mark.parametrize('tolerance', [None, 0.4])
def test_random_masks_come_back(rng, tolerance):
    anns = annotations([rng.random((12, 9)) < p for p in (0, .01, .5, .99, 1)])
    node = fromstring(tostring(to_cvat(0, IMG, anns, NAMES, tolerance)))
    assert from_cvat(node, IMG, anns, NAMES, tolerance) == ([], {})
    # All but the first have a pixel.
    for shape in list(node):
        node.remove(shape)
    records, _ = from_cvat(node, IMG, anns, NAMES, tolerance)
    assert [r['id'] for r in records] == [0, 1, 2, 3]
    assert {r['mask_score'] for r in records} == {0}


def test_runs_of_rows():
    mask = np.zeros((12, 9), bool)
    mask[3, 2:5] = mask[4, 4] = True
    shape, = to_cvat(0, IMG, annotations([mask]), NAMES, None)
    assert shape.attrib == dict(
        label='cat',
        source='auto',
        occluded='0',
        z_order='0',
        rle='0, 3, 2, 1',
        left='2',
        top='3',
        width='3',
        height='2')


def test_label_that_changed(rng):
    anns = annotations([rng.random((12, 9)) < .5])
    node = to_cvat(0, IMG, anns, NAMES, None)
    node[0].set('label', '<dog>')
    assert from_cvat(node, IMG, anns, NAMES, None) == ([], {
        'shapes with another label: the class of their box stays':
        ['a&b.png mask [0]']
    })


def test_classes_and_attributes():
    labels = cvat_root(['cat', '<dog>']).findall('meta/task/labels/label')
    assert [label.findtext('name') for label in labels] == ['cat', '<dog>']
    for label in labels:
        names = [a.findtext('name') for a in label.iter('attribute')]
        assert names == [
            'annotation_id', 'mask_score', 'expected_iou', 'mask_weight',
            'mask_source'
        ]
