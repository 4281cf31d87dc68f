import json

import numpy as np
import pytest
from pycocotools import mask as mask_utils

from mmboxcaseg.datasets.coco import CocoBoxes
from mmboxcaseg.proxy import load_predictions, match_predictions, merge_image
from mmboxcaseg.structures import encode_window

IMG = dict(height=40, width=50)
SIZE = (40, 50)


def box(ann_id: int, *bbox) -> dict:
    return dict(id=ann_id, bbox=list(bbox))


def filled(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    image = np.zeros(SIZE, dtype=np.uint8)
    image[y0:y1, x0:x1] = 1
    return image


def rle(image: np.ndarray) -> dict:
    height, width = image.shape
    return encode_window(image, (0, 0, width, height), height, width)


def uncompressed(image: np.ndarray) -> dict:
    pixels = image.T.flatten()
    counts, value = [0], 0
    for pixel in pixels:
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return dict(size=list(image.shape), counts=counts)


def decode(record: dict) -> np.ndarray:
    return mask_utils.decode(record['segmentation'])


@pytest.mark.parametrize('segmentation', [
    [[5, 6, 25, 6, 25, 21, 5, 21]],
    [[5, 6, 9, 6, 9, 21, 5, 21], [9, 6, 25, 6, 25, 21, 9, 21]],
    rle(filled(5, 6, 25, 21)),
    uncompressed(filled(5, 6, 25, 21)),
])
def test_every_form_of_a_mask(segmentation):
    records, counts = merge_image([box(3, 5, 6, 20, 15)], IMG,
                                  {3: segmentation})
    assert records == [
        dict(id=3, segmentation=rle(filled(5, 6, 25, 21)), mask_score=1)
    ]
    assert counts == dict(outside=0, empty=0)


def test_smallest_box_gets_the_pixel():
    anns = [box(1, 0, 0, 20, 20), box(2, 5, 5, 10, 10), box(3, 5, 5, 10, 10)]
    masks = {1: rle(filled(0, 0, 20, 20))}
    masks[2] = masks[3] = rle(filled(5, 5, 15, 15))
    records, counts = merge_image(anns, IMG, masks)
    # of equal boxes the earlier is the smaller
    np.testing.assert_array_equal(decode(records[1]), filled(5, 5, 15, 15))
    np.testing.assert_array_equal(
        decode(records[0]),
        filled(0, 0, 20, 20) - filled(5, 5, 15, 15))
    assert [record['mask_score'] for record in records] == [1, 1, 0]
    assert counts == dict(outside=0, empty=1)

    records, counts = merge_image(anns, IMG, masks, merge_by=None)
    assert [record['mask_score'] for record in records] == [1, 1, 1]
    for record in records:
        assert record['segmentation'] == masks[record['id']]


def test_mask_that_leaves_its_box():
    # The pixel box is [10, 30) x [10, 20).
    anns = [box(1, 10.5, 10, 19, 9.25)]
    masks = {1: rle(filled(5, 10, 30, 30))}
    (record, ), counts = merge_image(anns, IMG, masks)
    np.testing.assert_array_equal(decode(record), filled(10, 10, 30, 20))
    assert record['mask_score'] == 1
    assert counts['outside'] == 1

    (record, ), counts = merge_image(anns, IMG, masks, clip=False)
    assert record['segmentation'] == masks[1]
    assert record['mask_score'] == round(20 * 10 / (25 * 20), 6)
    assert counts['outside'] == 1


@pytest.mark.parametrize('clip', [True, False])
def test_mask_beside_its_box(clip):
    (record, ), counts = merge_image([box(1, 30, 30, 5, 5)],
                                     IMG, {1: rle(filled(0, 0, 5, 5))},
                                     clip=clip)
    assert record['mask_score'] == 0
    assert decode(record).sum() == (0 if clip else 25)
    assert counts == dict(outside=1, empty=clip)


def test_merging_without_clipping():
    # The small object's mask lies mostly in the large one's box.
    anns = [box(1, 10, 10, 20, 20), box(2, 0, 0, 12, 12)]
    masks = {1: rle(filled(10, 10, 30, 30)), 2: rle(filled(8, 8, 20, 20))}
    (large, small), _ = merge_image(anns, IMG, masks, clip=False)
    assert small['segmentation'] == masks[2]
    assert not (decode(large) & decode(small)).any()
    assert decode(large).sum() == 20 * 20 - 10 * 10


def test_box_without_prediction():
    (record, ), counts = merge_image([box(1, 2, 3, 4, 5)], IMG, {})
    assert record == dict(
        id=1, segmentation=rle(filled(0, 0, 0, 0)), mask_score=0)
    assert counts == dict(outside=0, empty=1)


@pytest.fixture
def match(tiny_coco):
    """Matches predictions with the boxes of the tiny COCO file."""
    coco = CocoBoxes(tiny_coco()['ann_file'], None)

    def run(*predictions: dict, min_iou: float = 0.9) -> tuple:
        return match_predictions(
            list(predictions), coco.data, coco.annotations, min_iou, 'p.json')

    return run


MASK = [[5, 6, 25, 6, 25, 21]]
OTHER = [[1, 2, 3, 4, 5, 6]]


def by_id(ann_id: int, segmentation=MASK) -> dict:
    return dict(annotation_id=ann_id, segmentation=segmentation)


def by_box(img_id: int, *bbox, segmentation=MASK) -> dict:
    return dict(image_id=img_id, bbox=bbox, segmentation=segmentation)


def test_match_by_id(match):
    found, left_out = match(by_id(8), by_id(11, OTHER))
    assert found == {8: MASK, 11: OTHER}
    assert left_out == {}


def test_id_comes_before_box(match):
    found, _ = match(dict(by_box(7, 5, 6, 20, 15), annotation_id=3))
    assert list(found) == [3]


def test_match_by_box(match):
    found, left_out = match(
        by_box(7, 5, 6, 20, 15), by_box(7, 2.5, 3.25, 30, 30.5),
        by_box(4, 10, 10, 5, 6, segmentation=OTHER))
    assert found == {11: MASK, 5: MASK, 3: OTHER}
    assert left_out == {}


def test_equal_boxes_match_at_any_bound(match):
    found, _ = match(
        by_box(7, 2.5, 3.25, 30, 30.5), by_box(4, 10, 10, 5, 6), min_iou=1)
    assert list(found) == [5, 3]


@pytest.mark.parametrize('min_iou, found', [(0.74, [11]), (0.76, [])])
def test_box_that_fits_roughly(match, min_iou, found):
    # IoU 0.75 with number 11
    result, left_out = match(by_box(7, 5, 6, 15, 15), min_iou=min_iou)
    assert list(result) == found
    reason = f'no box of its image has an IoU of {min_iou} with its'
    assert left_out == ({} if found else {reason: ['[0]']})


def test_left_out(match):
    _, left_out = match(
        by_box(99, 5, 6, 20, 15), by_box(2, 4, 4, 10, 10), by_id(9))
    no_box, crowd = left_out.items()
    assert no_box[1] == ['[0]', '[1]']
    assert 'crowd' in crowd[0] and crowd[1] == ['[2]']


def test_two_boxes_that_fit_equally_well(tiny_coco):

    def edit(data):
        data['annotations'][1]['bbox'] = data['annotations'][0]['bbox']

    coco = CocoBoxes(tiny_coco(edit)['ann_file'], None)
    found, left_out = match_predictions([by_box(7, 5, 6, 20, 15)], coco.data,
                                        coco.annotations, 0.9, 'p.json')
    assert found == {}
    assert left_out == {'two boxes of its image fit it equally well': ['[0]']}


@pytest.mark.parametrize('predictions, problem', [
    ((by_id(11), by_id(11)), r'already: prediction \[1\] \(annotation 11\)'),
    ((by_id(11), by_box(7, 5, 6, 20, 15)), r'already: .*\[1\] .*ion 11\)'),
    ((by_id(5), by_id(77)), r'not in the file of.*: .*\[1\] .*ion 77\)'),
    ((by_id(3, rle(filled(0, 0, 1, 1))), ), r'`size`.*\[0\] \(annotation 3'),
    ((by_id(5, dict(size=[40, 50], counts=[7, 8])), ), 'sum up.*annotation 5'),
    ((by_id(5, dict(size=[40, 50], counts='oooo')), ), 'decoded.*ion 5'),
    ((by_id(5, [[1, 2, 3, 4, 5, 6, 7]]), ), 'odd number.*annotation 5'),
])
def test_predictions_that_do_not_fit(match, predictions, problem):
    with pytest.raises(ValueError, match=problem) as error:
        match(*predictions)
    assert 'p.json cannot be used' in str(error.value)


@pytest.mark.parametrize('content, problem', [
    ('[]', 'neither a list of predictions'),
    ('3', 'neither a list of predictions'),
    ('[{', 'not valid JSON'),
    ('{"images": []}', 'has no images'),
    (json.dumps([by_id(3), dict(segmentation=MASK)]), r'not an object.*\[1\]'),
    (json.dumps([dict(image_id=3, segmentation=MASK)]), 'not an object.*bbox'),
    (json.dumps([dict(annotation_id=3)]), 'no `segmentation`'),
    (json.dumps([by_id('3')]), '`annotation_id` is not an integer'),
    (json.dumps([by_box(3, 1, 2, 3)]), '`bbox` is not four finite'),
    (json.dumps([by_id(3, [])]), '`segmentation` is not a list of polygons'),
    (json.dumps([by_id(3, [[1, 2, 3, 4]])]), 'list of polygons'),
    (json.dumps([by_id(3, dict(counts='abc'))]), 'or an RLE'),
    (json.dumps([by_id(3, dict(size=[3, 4], counts=[-1]))]), 'or an RLE'),
])
def test_files_that_are_refused(tmp_path, content, problem):
    path = tmp_path / 'predictions.json'
    path.write_text(content)
    with pytest.raises(ValueError, match=problem) as error:
        load_predictions(str(path))
    assert str(path) in str(error.value)


def test_list_is_read_as_it_is(tmp_path):
    predictions = [
        by_id(3, rle(filled(1, 2, 3, 4))),
        dict(by_id(5), score=.5, category_id=1)
    ]
    path = tmp_path / 'predictions.json'
    path.write_text(json.dumps(predictions))
    assert load_predictions(str(path)) == predictions
