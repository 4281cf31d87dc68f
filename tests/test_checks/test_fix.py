import copy

import numpy as np
import pytest
from coco_to_fix import GOOD, facts_of, make_data

from mmboxcaseg import InputError
from mmboxcaseg.checks import CocoFile, fix_coco
from mmboxcaseg.datasets.coco import check_coco


def fix(data, *facts):
    """The corrected content and the counts; checks that nothing changed."""
    coco = CocoFile('a.json', data)
    before = copy.deepcopy(data)
    fixed, counts = fix_coco(coco, dict(zip(coco.images, facts)),
                             lambda img: facts_of())
    assert data == before
    check_coco(fixed, 'fixed')
    return fixed, dict(counts)


def test_good_file_stays():
    data = make_data(GOOD)
    assert fix(data, facts_of()) == (data, {})


@pytest.mark.parametrize('box, kind', [([10, 10, 0, 5], 'box-zero'),
                                       ([10, 10, -3, 5], 'box-inverted'),
                                       ([200, 10, 3, 5], 'box-outside')])
def test_unusable_box_is_removed(box, kind):
    fixed, counts = fix(make_data([*GOOD, box]), facts_of())
    assert fixed == make_data(GOOD)
    assert counts == {f'annotations removed: {kind}': 1}


@pytest.mark.parametrize('area, written', [(30 * 40, 20 * 30), (700, 700),
                                           (0, 20 * 30)])
def test_box_is_clipped(area, written):
    data = make_data([*GOOD, [80, 50, 30, 40]])
    data['annotations'][3]['area'] = area
    fixed, counts = fix(data, facts_of())
    assert fixed['annotations'][3]['bbox'] == [80, 50, 20, 30]
    assert fixed['annotations'][3]['area'] == written
    assert counts['boxes clipped to their images'] == 1


def test_rounding_is_not_clipped():
    data = make_data([*GOOD, [80, 50, 20.0001, 30]])
    assert fix(data, facts_of()) == (data, {})


def test_missing_area():
    data = make_data(GOOD)
    for ann in data['annotations']:
        del ann['area']
    fixed, counts = fix(data, facts_of())
    assert fixed == make_data(GOOD)
    assert counts == {'areas written': 3}


def corners(boxes):
    return [[x, y, x + w, y + h] for x, y, w, h in boxes]


@pytest.fixture
def many(rng) -> list:
    corner = rng.uniform(0, 70, (30, 2))
    extent = rng.uniform(2, 10, (30, 2))
    return np.concatenate([corner, extent], axis=1).round(2).tolist()


def test_corners_become_boxes(many):
    fixed, counts = fix(make_data(corners(many)), facts_of())
    found = np.array([ann['bbox'] for ann in fixed['annotations']])
    np.testing.assert_allclose(found, many)
    areas = [ann['area'] for ann in fixed['annotations']]
    np.testing.assert_allclose(areas, np.prod(found[:, 2:], axis=1))
    assert counts == {
        'boxes converted from xyxy to xywh': 30,
        'areas written': 30
    }


def test_corners_that_may_be_boxes_stay(many):
    data = make_data(corners(many[:9]))
    assert CocoFile('a.json', data).units == 'xyxy'
    assert fix(data, facts_of())[0] == data
    data = make_data([*corners(many), [10, 10, 5, 5]])
    assert fix(data, facts_of())[0] == data


def test_normalised_boxes_stay(many):
    data = make_data((np.array(many) / 100).tolist())
    assert fix(data, facts_of())[0] == data


def test_repeated_boxes():
    data = make_data([*GOOD, GOOD[0]])
    fixed, counts = fix(data, facts_of())
    assert fixed == make_data(GOOD)
    assert counts == {'annotations removed: box-repeated': 1}


def test_broken_annotations_are_removed():
    data = make_data([*GOOD, GOOD[0], GOOD[0]])
    data['annotations'][3]['bbox'] = [1, 2, 'NaN', 3]
    data['annotations'][4]['image_id'] = 99
    fixed, counts = fix(data, facts_of())
    assert fixed == make_data(GOOD)
    assert counts == {
        'annotations removed: `bbox` is not four finite numbers '
        '[x, y, width, height]':
        1,
        'annotations removed: its image_id is not in `images`':
        1
    }


@pytest.mark.parametrize(
    'given, stored, orientation, taken',
    [
        ((90, 80), (100, 80), 1, True),
        ((80, 100), (100, 80), 1, True),
        ((200, 160), (100, 80), 1, False),  # a copy in another size
        ((50, 40), (100, 80), 1, False),
        ((100, 90), (100, 70), 1, False),  # the boxes do not fit
        ((80, 100),
         (80, 100), 6, False),  # the boxes may be of the stored image
    ])
def test_size_of_an_image(given, stored, orientation, taken):
    data = make_data([[10, 10, 20, 30], [40, 40, 30, 40]], given)
    if given == (100, 90):
        data['annotations'][0]['bbox'] = [10, 10, 20, 75]
        data['annotations'][0]['area'] = 1500
    fixed, counts = fix(data, facts_of(stored, orientation))
    img, = fixed['images']
    size = stored if taken else given
    assert (img['width'], img['height']) == size
    assert counts == ({
        'sizes of images taken from their files': 1
    } if taken else {})


def test_size_is_not_taken_where_masks_have_one():
    data = make_data([[10, 10, 20, 30]], (90, 80))
    data['annotations'][0].update(
        segmentation=dict(size=[80, 90], counts='0'),
        mask_score=0,
        mask_source='x')
    assert fix(data, facts_of())[0] == data


def test_images_that_cannot_be_loaded():
    data = make_data(GOOD)
    other = dict(data['images'][0], id=2, file_name='b.png')
    data['images'].append(other)
    data['annotations'].append(dict(data['annotations'][0], id=9, image_id=2))
    fixed, counts = fix(data, facts_of(), facts_of(problem='image-damaged'))
    assert fixed == make_data(GOOD)
    assert counts == {
        'images that cannot be loaded removed, with their annotations': 1
    }


def test_nothing_is_left():
    with pytest.raises(ValueError, match='a.json, corrected, has no images'):
        fix(make_data(GOOD), facts_of(problem='image-missing'))


def test_missing_size_of_a_missing_image():
    data = make_data(GOOD)
    data['images'] += [dict(id=2, file_name='lost.png')]
    data['annotations'] += [dict(data['annotations'][0], id=9, image_id=2)]
    coco = CocoFile('a.json', data)
    fixed, counts = fix_coco(coco, {1: facts_of()},
                             lambda img: facts_of(problem='image-missing'))
    assert fixed == make_data(GOOD)
    assert counts['images removed: it has no `height` and no `width`'] == 1


def test_other_texts_are_not_ids():
    data = make_data(GOOD)
    data['annotations'][1]['id'] = 'two'
    data['annotations'][2]['id'] = '-3'
    fixed, counts = fix(data, facts_of())
    assert fixed == make_data(GOOD[:1])
    assert sum(counts.values()) == 2


def test_two_categories_of_one_name_need_a_decision():
    data = make_data(GOOD)
    data['categories'].append(dict(id=2, name='cat'))
    with pytest.raises(InputError, match=r"corrected.*'cat' \(ids 1, 2\)"):
        fix(data, facts_of())
