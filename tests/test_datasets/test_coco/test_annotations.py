import pytest

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (area_of, box_area, check_segmentations,
                                      check_true_masks, counts_from_bytes)

IMAGES = {7: dict(id=7, height=4, width=6)}
SQUARE = [[1, 1, 3, 1, 3, 3, 1, 3]]


def annotation(ann_id: int, segmentation: object = SQUARE) -> dict:
    return dict(id=ann_id, image_id=7, segmentation=segmentation)


@pytest.mark.parametrize('area, expected', [(5, 5), (0, 0), (None, 12)])
def test_area_of(area, expected):
    ann = dict(bbox=[1, 2, 3, 4], area=area)
    assert area_of(ann) == expected
    assert box_area(ann) == 12
    assert area_of(dict(bbox=[1, 2, 3, 4])) == 12


def test_true_masks_are_wanted_for_all():
    check_true_masks([annotation(1), annotation(2)], IMAGES, 'val.json')
    bare = [annotation(2, []), annotation(3, None), dict(id=4, image_id=7)]
    with pytest.raises(
            InputError, match=r'val.json: 3 of 4 .*annotation 2, 3, 4\. Use'):
        check_true_masks([annotation(1), *bare], IMAGES, 'val.json')


@pytest.mark.parametrize('segmentation, text', [
    ([1, 1, 3, 1, 3, 3], 'it is not a list of polygons'),
    ([[1, 1, 3]], 'it is not a list of polygons'),
    ([[1, 1, 3, 1, 3, 3, 5]], 'odd number'),
    (dict(size=[6, 4], counts=[24]), 'size'),
    (dict(size=[4, 6], counts=[23]), 'do not sum up'),
    (dict(size=[4, 6], counts=[]), 'do not sum up'),
    (dict(size=[4, 6], counts='ooo'), 'cannot be decoded'),
    (dict(size=[4, 6], counts='0'), 'do not sum up'),
    (dict(size=[4, 6], counts='n0a0'), 'do not sum up'),
])
def test_broken_masks_are_refused(segmentation, text):
    anns = [annotation(1), annotation(2, segmentation)]
    for check in (check_segmentations, check_true_masks):
        with pytest.raises(InputError, match='annotation 2') as error:
            check(anns, IMAGES, 'val.json')
        assert text in str(error.value)


def test_masks_that_are_not_there_are_not_broken():
    check_segmentations([dict(id=4, image_id=7)], IMAGES, 'boxes.json')


@pytest.mark.parametrize('counts', [b'n3\\0\\\\1', b'52203'])
def test_counts_from_bytes(counts):
    ann = dict(segmentation=dict(size=[4, 6], counts=str(counts)))
    assert counts_from_bytes(ann) == counts.decode()


@pytest.mark.parametrize(
    'segmentation',
    [SQUARE, None,
     dict(counts='b3'),
     dict(counts=[1, 2]),
     dict(size=[4, 6])])
def test_counts_of_other_forms(segmentation):
    assert counts_from_bytes(dict(segmentation=segmentation)) is None
    assert counts_from_bytes([]) is None
