import numpy as np
import pytest

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import CocoBoxes
from mmboxcaseg.proxy import Matches, combine_sources
from mmboxcaseg.proxy.combining import agreement_of_masks
from mmboxcaseg.structures import decode_window, encode_window

# The image of annotations 11, whose box is [5, 25) x [6, 21), and 5.
SIZE = (40, 50)
WHOLE = np.array([0, 0, 50, 40])


def filled(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    image = np.zeros(SIZE, dtype=bool)
    image[y0:y1, x0:x1] = True
    return image


LEFT, RIGHT, TOP = (
    filled(*corners)
    for corners in [(5, 6, 15, 21), (10, 6, 25, 21), (5, 6, 25, 12)])


def source(iou=None, details=None, **masks: np.ndarray) -> Matches:
    """Masks by 'a' and the annotation id; ``details`` are other keys."""
    matches = Matches()
    for key, mask in masks.items():
        rle = encode_window(mask, WHOLE, *SIZE)
        prediction = dict(details or {}, segmentation=rle)
        if iou is not None:
            prediction['expected_iou'] = iou
        matches.add(int(key[1:]), prediction)
    return matches


@pytest.fixture
def combine(tiny_coco):
    """Combines; returns masks, counts and the bitmap of annotation 11."""
    coco = CocoBoxes(tiny_coco()['ann_file'], None)

    def run(found: dict, *args, **kwargs) -> tuple:
        combined, counts = combine_sources(found, coco, *args, **kwargs)
        return combined, counts, decode_window(combined[11], WHOLE)

    return run


@pytest.mark.parametrize('ious, chosen, expected', [
    ((.5, .7), 'b', .7),
    ((.7, .5), 'a', .7),
    ((.5, .5), 'a', .5),
    ((None, 0), 'b', 0),
])
def test_surest(combine, ious, chosen, expected):
    masks = dict(a=LEFT, b=RIGHT)
    found = {n: source(i, a11=m) for i, (n, m) in zip(ious, masks.items())}
    combined, counts, mask = combine(found, 'surest')
    np.testing.assert_array_equal(mask, masks[chosen])
    assert combined.sources == {11: chosen}
    assert combined.expected_ious == {11: expected}
    # Of four usable boxes, three have no mask.
    assert counts == {0: 3, 2: 1, 'outside': 0}


def test_surest_needs_expected_ious(combine):
    found = dict(a=source(a11=LEFT), b=source(a11=RIGHT))
    with pytest.raises(InputError, match='no mask of a, b has an `expected_'):
        combine(found, 'surest')


def test_mask_without_expected_iou_fills_a_gap(combine):
    found = dict(a=source(.5, a5=LEFT), b=source(a11=RIGHT, a5=RIGHT))
    combined, _, mask = combine(found, 'surest')
    np.testing.assert_array_equal(mask, RIGHT)
    assert combined.sources == {11: 'b', 5: 'a'}
    assert combined.expected_ious == {5: .5}


def test_any_expected_iou_is_surer_than_none(combine):
    found = dict(a=source(a11=LEFT), b=source(-3, a11=RIGHT))
    _, _, mask = combine(found, 'surest')
    np.testing.assert_array_equal(mask, RIGHT)


def test_iou_above_1_is_not_surer_than_1(combine):
    """SAM may predict 1.02; a mask drawn by hand has 1."""
    found = dict(
        a=source(1, a11=LEFT),
        b=source(details=dict(predicted_iou=1.02), a11=RIGHT))
    combined, _, mask = combine(found, 'surest')
    np.testing.assert_array_equal(mask, LEFT)
    assert combined.expected_ious == {11: 1}


def test_dropped_mask_is_no_mask(combine):
    dropped, kept = dict(mask_weight=0), dict(mask_weight=.5)
    found = dict(
        a=source(.9, dropped, a11=LEFT, a5=LEFT), b=source(.1, kept, a11=TOP))
    for rule in ('surest', 'majority'):
        combined, counts, mask = combine(found, rule, use_agreement=True)
        np.testing.assert_array_equal(mask, TOP)
        assert combined.sources == {11: 'b'} and list(combined) == [11]
        assert combined.weights == {11: .5}
        assert counts['dropped'] == 2 and counts['unweighted'] == 0
        assert combined.expected_ious[11] == 0


def test_weight_and_source_belong_to_the_mask(combine):
    kept = dict(mask_weight=1, mask_source='human')
    found = dict(
        a=source(.5, kept, a11=LEFT, a5=LEFT), b=source(.9, a11=TOP, a5=TOP))
    combined, _, _ = combine(found, 'surest')
    assert combined.weights == {}
    assert combined.sources == {11: 'b', 5: 'b'}
    combined, counts, _ = combine(found, 'majority')
    assert combined.weights == {} and counts['unweighted'] == 2
    found['b'] = source(.1, a11=TOP, a5=TOP)
    combined, _, _ = combine(found, 'surest')
    assert combined.weights == {11: 1, 5: 1}
    assert combined.sources == {11: 'human', 5: 'human'}


def test_majority_of_three(combine):
    found = dict(
        a=source(.9, a11=LEFT), b=source(a11=RIGHT), c=source(a11=TOP))
    combined, _, mask = combine(found, 'majority')
    np.testing.assert_array_equal(mask, LEFT.astype(int) + RIGHT + TOP >= 2)
    assert combined.sources == {11: 'majority of a, b, c'}
    assert combined.expected_ious == {}


@pytest.mark.parametrize('ious', [(.5, .7, .1, .2), (None, None, None, None)])
def test_surest_decides_a_tie(combine, ious):
    layers = dict(a=LEFT, b=RIGHT, c=TOP, d=TOP)
    found = {n: source(i, a11=m) for i, (n, m) in zip(ious, layers.items())}
    _, _, mask = combine(found, 'majority')
    votes = sum(layer.astype(int) for layer in layers.values())
    surest = RIGHT if ious[1] else LEFT
    np.testing.assert_array_equal(mask, np.where(votes == 2, surest, votes
                                                 > 2))


def test_empty_mask_is_no_mask(combine):
    empty = np.zeros(SIZE, dtype=bool)
    # Outside its box, a mask is empty, too.
    found = dict(
        a=source(.9, a11=empty),
        b=source(.1, a11=RIGHT),
        c=source(.8, a11=filled(30, 30, 40, 40)))
    combined, counts, mask = combine(found, 'majority', use_agreement=True)
    np.testing.assert_array_equal(mask, RIGHT)
    assert combined.sources == {
        11: 'b'
    } and counts[1] == counts['outside'] == 1
    # None of three pairs agrees; boxes without a mask have a value as well.
    assert combined.expected_ious == dict.fromkeys((11, 5, 8, 3), 0)


def test_agreement_replaces_the_expected_iou(combine):
    found = dict(a=source(.9, a11=LEFT), b=source(.8, a11=RIGHT))
    combined, _, _ = combine(found, 'surest', use_agreement=True)
    assert combined.expected_ious[11] == 0.25


def test_agreement_is_the_mean_of_the_pairs():
    one, two = np.ones((2, 4), bool), np.zeros((2, 4), bool)
    two[0] = True
    assert agreement_of_masks([one, two, two], 3) == pytest.approx(2 / 3)
    assert agreement_of_masks([two, two], 3) == pytest.approx(1 / 3)
    assert agreement_of_masks([one], 2) == agreement_of_masks([], 2) == 0


def test_pixels_outside_the_box(combine):
    wide = filled(0, 0, 50, 40)
    found = dict(a=source(.9, a11=wide), b=source(a11=RIGHT))
    _, counts, mask = combine(found, 'surest')
    np.testing.assert_array_equal(mask, filled(5, 6, 25, 21))
    assert counts['outside'] == 1
    _, counts, mask = combine(found, 'surest', clip=False)
    # merge_image() counts it.
    assert mask.all() and counts['outside'] == 0
