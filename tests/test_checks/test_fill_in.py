import copy
from collections import Counter

import pytest
from coco_to_fix import GOOD, facts_of, make_data

from mmboxcaseg import InputError
from mmboxcaseg.checks.fill_in import fill_in


def fill(data, inspect=lambda img: facts_of()):
    """The completed content and the counts."""
    filled, counts = copy.deepcopy(data), Counter()
    fill_in(filled, 'a.json', inspect, counts)
    return filled, dict(counts)


def test_nothing_is_missing():
    data = make_data(GOOD)

    def no_file_is_read(img):
        raise AssertionError(img)

    assert fill(data, no_file_is_read) == (data, {})


def test_entries_that_are_no_objects_stay():
    data = make_data(GOOD)
    data['images'].append('text')
    data['annotations'].append(None)
    assert fill(data) == (data, {})


def test_entries_that_are_there_twice():
    data = make_data(GOOD)
    for key in data:
        data[key].append(dict(data[key][0]))
    fixed, counts = fill(data)
    assert fixed == make_data(GOOD)
    assert counts == {f'{key} that occur twice removed': 1 for key in data}


def test_annotations_of_one_id():
    data = make_data(GOOD)
    data['annotations'][1]['id'] = 1
    data['annotations'][2]['id'] = 7  # higher ids may come later
    fixed, counts = fill(data)
    assert [ann['id'] for ann in fixed['annotations']] == [1, 8, 7]
    assert counts == {'annotations with a repeated id given a new one': 1}


@pytest.mark.parametrize('key', ['images', 'categories'])
def test_images_of_one_id(key):
    data = make_data(GOOD)
    name = dict(images='file_name', categories='name')[key]
    data[key].append({**data[key][0], name: 'other'})
    with pytest.raises(InputError, match=f'different {key} have the id 1'):
        fill(data)


@pytest.mark.parametrize('counts', ["b'PPYo0'", 'b"PPYo0"', [4000, 4000]])
def test_counts(counts):
    data = make_data(GOOD)
    data['annotations'][0]['segmentation'] = dict(
        size=[80, 100], counts=counts)
    fixed, done = fill(data)
    segmentation = fixed['annotations'][0]['segmentation']
    if isinstance(counts, str):
        assert segmentation['counts'] == 'PPYo0'
        assert done == {'`counts` converted from bytes to string': 1}
    else:
        assert isinstance(segmentation['counts'], str)
        assert done == {'`counts` compressed': 1}


def test_backslash_in_bytes():
    data = make_data(GOOD)
    runs = b'a\\b0'
    data['annotations'][0]['segmentation'] = dict(
        size=[80, 100], counts=str(runs))
    fixed, _ = fill(data)
    assert fixed['annotations'][0]['segmentation']['counts'] == runs.decode()


def test_missing_ids_are_numbered():
    data = make_data(GOOD)
    del data['annotations'][0]['id']
    data['annotations'][2]['id'] = None
    fixed, counts = fill(data)
    assert [ann['id'] for ann in fixed['annotations']] == [3, 2, 4]
    assert [ann['bbox'] for ann in fixed['annotations']] == GOOD
    assert counts == {'annotations without an id given a new one': 2}


def test_file_without_annotation_ids():
    """As labelformat writes it."""
    data = make_data(GOOD)
    for ann in data['annotations']:
        del ann['id'], ann['area'], ann['iscrowd']
    fixed, counts = fill(data)
    assert fixed == make_data(GOOD)
    assert counts == {
        'annotations without an id given a new one': 3,
        'areas written': 3,
        '`iscrowd` written': 3
    }


@pytest.mark.parametrize('spoil', [
    lambda img: img.pop('width'),
    lambda img: img.update(height=None),
    lambda img: img.update(width=0, height='80'),
])
def test_missing_size_is_read_from_the_image(spoil):
    data = make_data(GOOD)
    spoil(data['images'][0])
    fixed, counts = fill(data)
    assert fixed == make_data(GOOD)
    assert counts == {'sizes of images taken from their files': 1}


@pytest.mark.parametrize('area', [None, 'large', []])
def test_area_that_is_no_number(area):
    data = make_data(GOOD)
    data['annotations'][1]['area'] = area
    fixed, counts = fill(data)
    assert fixed == make_data(GOOD)
    assert counts == {'areas written': 1}


def test_ids_as_texts():
    data = make_data(GOOD)
    data['images'][0]['id'] = '1'
    data['categories'][0]['id'] = '01'
    data['annotations'][1].update(id='2', image_id='1', category_id='1')
    fixed, counts = fill(data)
    assert fixed == make_data(GOOD)
    assert counts == {'ids converted from string to integer': 5}


def test_missing_size_of_an_image_that_cannot_be_read():
    data = make_data(GOOD)
    del data['images'][0]['width']
    unreadable = facts_of(problem='image-damaged')
    assert fill(data, lambda img: unreadable) == (data, {})


def test_size_of_an_image_that_is_broken_otherwise():
    """It will be removed, so its file is not read."""
    data = make_data(GOOD)
    del data['images'][0]['width'], data['images'][0]['file_name']
    assert fill(data) == (data, {})


@pytest.mark.parametrize('change', [
    lambda ann: ann.update(iscrowd=1),
    lambda ann: ann['segmentation'].update(counts=[4000, 3999]),
    lambda ann: ann['segmentation'].update(counts=[4000, 'many']),
])
def test_counts_that_stay(change):
    data = make_data(GOOD)
    ann = data['annotations'][0]
    ann['segmentation'] = dict(size=[80, 100], counts=[4000, 4000])
    change(ann)
    assert fill(data) == (data, {})
