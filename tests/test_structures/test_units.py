import numpy as np
import pytest

from mmboxcaseg.structures import box_units

SIZE = np.array([640, 480])


@pytest.fixture
def boxes(rng) -> np.ndarray:
    """200 boxes anywhere in images of 640 x 480, xywh."""
    corner = rng.uniform(0, 0.8, (200, 2)) * SIZE
    extent = rng.uniform(0.02, 1, (200, 2)) * (SIZE - corner)
    return np.concatenate([corner, extent], axis=1)


def to_xyxy(boxes):
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def units(boxes):
    return box_units(boxes, np.tile(SIZE, (len(boxes), 1)))


def test_units(boxes):
    assert units(boxes) == ('xywh', True)
    assert units(to_xyxy(boxes)) == ('xyxy', True)
    assert units(boxes / np.tile(SIZE, 2)) == ('normalised', True)


def test_no_box():
    assert units(np.zeros((0, 4))) == ('xywh', False)


@pytest.mark.parametrize('change', [to_xyxy, lambda b: b / np.tile(SIZE, 2)])
def test_one_bad_box_among_many(boxes, change):
    name, certain = units(change(boxes))
    assert certain
    boxes = change(boxes)
    boxes[7] = [500, 400, 20, 900]
    assert units(boxes) == (name, False)


def test_half_the_boxes(boxes):
    # Nothing can be said of a file that mixes both.
    mixed = np.concatenate([boxes[:100], to_xyxy(boxes[100:])])
    assert units(mixed)[0] == 'xywh'


def test_few_boxes_are_not_certain(boxes):
    for number in range(3, 10):
        corners = to_xyxy(boxes[:number])
        leave = (corners[:, :2] + corners[:, 2:] > SIZE + 1).any(axis=1)
        assert leave.mean() >= 0.25  # else the seed is a poor one
        assert units(corners) == ('xyxy', False)


@pytest.mark.parametrize('seed', range(50))
def test_good_boxes_are_never_taken_for_others(seed):
    # Ten boxes near the upper left corner, where a mistake is most likely.
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 0.2, (10, 2)) * SIZE
    extent = rng.uniform(0.2, 0.8, (10, 2)) * SIZE
    assert units(np.concatenate([corner, extent], axis=1))[0] == 'xywh'
