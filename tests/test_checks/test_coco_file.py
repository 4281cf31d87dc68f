import numpy as np
import pytest

from mmboxcaseg import InputError
from mmboxcaseg.checks import CocoFile


def make_data() -> dict:
    ann = dict(image_id=1, category_id=1, bbox=[1, 2, 3, 4])
    return dict(
        images=[
            dict(id=1, file_name='a.png', height=20, width=30),
            dict(id=2, height=20, width=30)
        ],
        annotations=[
            dict(ann, id=5),
            dict(ann, id=6, image_id=2),
            dict(ann, id=7, category_id=9), 'text'
        ],
        categories=[dict(id=1, name='cat'), {}])


def test_good_entries_are_kept_and_others_are_told():
    coco = CocoFile('a.json', make_data())
    assert list(coco.images) == [1]
    assert coco.categories == [dict(id=1, name='cat')]
    assert [ann['id'] for ann in coco.annotations] == [5]
    assert coco.problems['image'] == {'it has no `file_name`': [1]}
    # An image that is broken counts as missing.
    assert coco.problems['annotation'] == {
        'its image_id is not in `images`': [1],
        'its category_id is not in `categories` (unknown class)': [2],
        'it is not a JSON object': [3]
    }


def test_boxes_and_sizes():
    coco = CocoFile('a.json', make_data())
    np.testing.assert_array_equal(coco.boxes, [[1, 2, 3, 4]])
    np.testing.assert_array_equal(coco.sizes, [[30, 20]])
    assert coco.units == 'xywh'


def test_no_good_annotation():
    data = make_data()
    data['annotations'] = ['text']
    coco = CocoFile('a.json', data)
    assert coco.boxes.shape == (0, 4) and coco.sizes.shape == (0, 2)


@pytest.mark.parametrize('data', [[], {}, dict(make_data(), images=[])])
def test_list_is_missing(data):
    with pytest.raises(InputError, match='a.json'):
        CocoFile('a.json', data)
