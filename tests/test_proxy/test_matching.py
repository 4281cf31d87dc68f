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
    masks = {
        1: rle(filled(0, 0, 20, 20)),
        2: rle(filled(5, 5, 15, 15)),
        3: rle(filled(5, 5, 15, 14))
    }
    records, counts = merge_image(anns, IMG, masks)
    # Of equal boxes, the earlier one is the smaller.
    np.testing.assert_array_equal(decode(records[1]), filled(5, 5, 15, 15))
    np.testing.assert_array_equal(
        decode(records[0]),
        filled(0, 0, 20, 20) - filled(5, 5, 15, 15))
    assert [record['mask_score'] for record in records] == [1, 1, 0]
    assert counts == dict(outside=0, empty=1)

    records, counts = merge_image(anns, IMG, masks, merge_by=None)
    assert [record['mask_score'] for record in records] == [1, 1, 0.9]
    for record in records:
        assert record['segmentation'] == masks[record['id']]


def test_object_annotated_twice_shares_its_mask():
    # The third box has the same pixel box, and its size is between.
    anns = [
        box(1, 0, 0, 20, 20),
        box(2, 5.2, 5.2, 9.6, 9.6),
        box(3, 5, 5, 10, 10),
        box(4, 4, 4, 9.8, 9.8)
    ]
    masks = {1: rle(filled(0, 0, 20, 20)), 4: rle(filled(4, 4, 14, 14))}
    masks[2] = masks[3] = rle(filled(5, 5, 15, 15))
    (large, one, other, third), _ = merge_image(anns, IMG, masks)
    assert one['segmentation'] == other['segmentation'] == masks[2]
    assert one['mask_score'] == other['mask_score'] == 1
    for record in (large, third):
        assert not (decode(record) & decode(one)).any()


def test_score_of_the_authors():
    # Truncated, the box is [10, 29) x [10, 19).
    anns, masks = [box(1, 10.5, 10.2, 19, 9.25)], {
        1: rle(filled(5, 5, 40, 40))
    }
    (record, ), _ = merge_image(
        anns, IMG, masks, truncate=True, off_by_one=True)
    np.testing.assert_array_equal(decode(record), filled(10, 10, 29, 19))
    assert record['mask_score'] == round(19 * 9 / (20 * 10), 6)


def test_truncated_box_without_a_whole_pixel():
    anns, masks = [box(1, -1.5, 4, 2.4, 3)], {1: rle(filled(0, 0, 9, 9))}
    (record, ), _ = merge_image(anns, IMG, masks, truncate=True)
    np.testing.assert_array_equal(decode(record), filled(0, 4, 1, 7))


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


def test_unclipped_masks_of_two_boxes_are_disjoint():
    anns = [box(1, 10, 10, 20, 20), box(2, 15, 15, 25, 20)]
    masks = dict.fromkeys((1, 2), rle(filled(5, 5, 45, 38)))
    (small, large), _ = merge_image(anns, IMG, masks, clip=False)
    assert small['segmentation'] == masks[1]
    assert not decode(large).any()


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
        return match_predictions(list(predictions), coco, min_iou, 'p.json')

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
    result, left_out = match(
        by_box(7, 5, 6, 15, 15), by_id(8), min_iou=min_iou)
    assert list(result) == found + [8]
    reason = f'no box of its image has an IoU of {min_iou} with its'
    assert left_out == ({} if found else {reason: ['[0]']})


def test_left_out(match):
    found, left_out = match(by_box(2, 4, 4, 10, 10), by_id(9), by_id(11))
    no_box, crowd = left_out.items()
    assert no_box[1] == ['[0]']
    assert 'crowd' in crowd[0] and crowd[1] == ['[1]']
    assert list(found) == [11]


def test_nothing_matches(match):
    with pytest.raises(ValueError, match='none of its 2 .* crowd'):
        match(by_box(2, 4, 4, 10, 10), by_id(9))


def test_boxes_as_corners(match):
    corners = by_box(7, 5, 6, 25, 21), by_box(4, 10, 10, 15, 16)
    with pytest.raises(ValueError, match=r'3 predictions .*x0, y0, x1, y1'):
        match(*corners, by_box(2, 0, 0, 30, 48))
    # One box among others proves nothing.
    found, left_out = match(corners[0], by_box(2, 0, 0, 32, 48), by_id(3))
    assert list(found) == [8, 3] and len(left_out) == 1


def test_two_boxes_that_fit_equally_well(tiny_coco):

    def edit(data):
        data['annotations'][1]['bbox'] = data['annotations'][0]['bbox']

    coco = CocoBoxes(tiny_coco(edit)['ann_file'], None)
    found, left_out = match_predictions(
        [by_box(7, 5, 6, 20, 15), by_id(8)], coco, 0.9, 'p.json')
    assert list(found) == [8]
    assert left_out == {'two boxes of its image fit it equally well': ['[0]']}


@pytest.mark.parametrize('predictions, problem', [
    ((by_id(11), by_id(11)), r'already: prediction \[1\] \(annotation 11\)'),
    ((by_id(11), by_box(7, 5, 6, 20, 15)), r'already: .*\[1\] .*ion 11\)'),
    ((by_id(5), by_id(77)), r'not in the file of.*: .*\[1\] .*ion 77\)'),
    ((by_id(5), by_box(99, 5, 6, 20, 15)),
     r'its image_id is not in the file of .*: .*\[1\] \(image 99\)'),
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


def coco_file(tmp_path, **ids) -> str:
    """Writes masks as the COCO file of another program."""
    data = json.loads((tmp_path / 'boxes.json').read_text())
    for ann in data['annotations']:
        ann['segmentation'] = MASK
        ann['id'] = ids.get(f'id{ann["id"]}', ann['id'])
    path = tmp_path / 'masks.json'
    path.write_text(json.dumps(data))
    return str(path)


def test_masks_of_a_coco_file(match, tmp_path):
    predictions = load_predictions(coco_file(tmp_path))
    found, left_out = match(*predictions)
    # Without the crowd, number 9; ids decide, as they mean the same.
    assert found == {11: MASK, 5: MASK, 8: MASK, 3: MASK}
    assert not left_out


def test_coco_file_with_ids_of_its_own(match, tmp_path):
    path = coco_file(tmp_path, id11=3, id3=11)
    predictions = load_predictions(path)
    predictions[0]['segmentation'] = OTHER
    found, _ = match(*predictions)
    assert found == {11: OTHER, 5: MASK, 8: MASK, 3: MASK}


def test_coco_file_without_masks(tiny_coco):
    with pytest.raises(ValueError, match='none of 5 annotations has a mask'):
        load_predictions(tiny_coco()['ann_file'])


def test_counts_written_as_bytes(tmp_path):
    mask = rle(filled(1, 2, 13, 34))
    wrong = dict(mask, counts=str(mask['counts'].encode()))
    path = tmp_path / 'predictions.json'
    path.write_text(json.dumps([by_id(3, wrong)]))
    assert load_predictions(str(path)) == [by_id(3, mask)]


def test_predictions_bring_their_iou(match):
    found, _ = match(
        dict(by_id(11), expected_iou=0.25, predicted_iou=0.5),
        dict(by_id(5), predicted_iou=1.02), by_id(8))
    assert found == {11: MASK, 5: MASK, 8: MASK}
    assert found.expected_ious == {11: 0.25, 5: 1}
    empty = rle(filled(0, 0, 0, 0))
    full = rle(filled(5, 6, 25, 21))
    anns = [box(i, 5, 6, 20, 15) for i in (11, 5, 8, 3)]
    masks = {11: full, 5: empty, 8: full}
    # Number 3 has no prediction.
    records, _ = merge_image(
        anns, IMG, masks, merge_by=None, expected_ious=found.expected_ious)
    assert [r.get('expected_iou') for r in records] == [0.25, 0, None, 0]


@pytest.mark.parametrize('changes', [
    dict(expected_iou=1.02),
    dict(expected_iou='1'),
    dict(predicted_iou=float('nan')),
    dict(mask_weight=2),
])
def test_bad_values_beside_a_mask(tmp_path, changes):
    path = tmp_path / 'masks.json'
    path.write_text(json.dumps([dict(by_id(11), **changes)]))
    with pytest.raises(ValueError, match=f'`{list(changes)[0]}` is not'):
        load_predictions(str(path))


def test_iou_of_a_coco_file_with_masks(tiny_coco):

    def edit(data):
        for ann in data['annotations']:
            ann.update(segmentation=MASK, predicted_iou=0.75)

    predictions = load_predictions(tiny_coco(edit)['ann_file'])
    assert {p['predicted_iou'] for p in predictions} == {0.75}
