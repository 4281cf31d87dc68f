"""Masks of another COCO file, whose images or masks have other ids."""
import json

import pytest

from mmboxcaseg.datasets.coco import CocoBoxes, load_json
from mmboxcaseg.proxy import load_predictions, match_predictions
from mmboxcaseg.proxy.matching import _use_file_names

MASK = [[5, 6, 25, 6, 25, 21]]
OTHER = [[1, 2, 3, 4, 5, 6]]


def renumbered(data: dict) -> None:
    """Another program's file: images in another order, ids from 1."""
    data['images'] = data['images'][::-1]
    numbers = {img['id']: i for i, img in enumerate(data['images'], 1)}
    for img in data['images']:
        img.update(id=numbers[img['id']], file_name=f'x/{img["file_name"]}')
    for i, ann in enumerate(data['annotations']):
        ann.update(id=i, image_id=numbers[ann['image_id']], segmentation=MASK)


@pytest.fixture
def load_other(tiny_coco, tmp_path):
    """Reads another COCO file, with the boxes of ``tiny_coco`` beside it."""

    def run(edit, **kwargs) -> tuple:
        other = load_json(tiny_coco(edit)['ann_file'])
        path = tmp_path / 'other.json'
        path.write_text(json.dumps(other))
        coco = CocoBoxes(tiny_coco()['ann_file'], None)
        return match_predictions(
            load_predictions(str(path), **kwargs), coco, 0.9, 'p.json')

    return run


def test_images_by_name(load_other):
    found, left_out = load_other(renumbered)
    assert sorted(found) == [3, 5, 8, 11] and not left_out


def test_image_of_unknown_name(load_other):

    def edit(data):
        renumbered(data)
        data['images'][0]['file_name'] = 'other.png'

    found, left_out = load_other(edit)
    assert sorted(found) == [5, 8, 11]
    assert left_out == {
        'its image is not in the file of the boxes': ['[3] (other.png)']
    }


def test_unknown_names_leave_the_ids(load_other):

    def edit(data):
        for img in data['images']:
            img['file_name'] += '.old'
        for ann in data['annotations']:
            ann.update(segmentation=MASK)

    assert sorted(load_other(edit)[0]) == [3, 5, 8, 11]


def test_names_that_two_images_have(tiny_coco):
    other = load_json(tiny_coco(renumbered)['ann_file'])
    predictions = [
        dict(
            file_name=img['file_name'], image_id=img['id'], bbox=[0, 0, 1, 1])
        for img in other['images']
    ]

    class Images:
        images = {
            7: dict(file_name='p/a.png'),
            2: dict(file_name='q/a.png'),
            4: dict(file_name='c.png')
        }

    found = _use_file_names(predictions, Images)
    assert [p['image_id'] for p in found] == [4, None, None]


def swapped(data: dict) -> None:
    """Ids 11 and 5 of one image are swapped; they have different masks."""
    one, other = data['annotations'][:2]
    for ann in data['annotations']:
        ann['segmentation'] = MASK
    other['segmentation'] = OTHER
    one['id'], other['id'] = other['id'], one['id']


def test_new_ids(load_other, log):
    found, left_out = load_other(swapped)
    assert found == {11: MASK, 5: OTHER, 8: MASK, 3: MASK} and not left_out
    message, = [text for text in log.messages if text.startswith('p.json')]
    assert '2 of 4 boxes fit another box' in message
    assert 'annotation 5, 11. So the boxes decide' in message


def test_a_box_that_fits_another_one_by_chance(load_other, log, monkeypatch):
    monkeypatch.setattr('mmboxcaseg.proxy.matching.OTHER_BOXES', 0.5)
    found, left_out = load_other(swapped)
    assert found == {11: OTHER, 5: MASK, 8: MASK, 3: MASK} and not left_out
    message, = [text for text in log.messages if text.startswith('p.json')]
    assert 'annotation 5, 11. The ids decide' in message


@pytest.mark.parametrize('bbox', [[0, 0, 0, 0], [5, 6, 9, 9]])
def test_ids_of_boxes_that_fit_none(load_other, log, bbox):
    """As the tight boxes of bad masks."""

    def edit(data):
        swapped(data)
        for ann in data['annotations']:
            ann['bbox'] = bbox

    found, left_out = load_other(edit)
    assert found == {11: OTHER, 5: MASK, 8: MASK, 3: MASK} and not left_out
    assert not any(text.startswith('p.json') for text in log.messages)


def test_masks_that_are_crowds(load_other):

    def edit(data):
        renumbered(data)
        for ann in data['annotations']:
            ann['iscrowd'] = 1

    with pytest.raises(ValueError, match='none of 5 annotations has a mask'):
        load_other(edit)
    found, left_out = load_other(edit, with_crowds=True)
    assert sorted(found) == [3, 5, 8, 11]
    # The true crowd has no box of its own.
    assert [*left_out.values()] == [['[3]']]
