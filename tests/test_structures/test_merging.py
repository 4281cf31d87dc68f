from typing import Optional

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from windows import HEIGHT, WIDTH, paste, random_mask, random_window

from mmboxcaseg import InputError
from mmboxcaseg.structures import check_merge_rule, merge_masks
from mmboxcaseg.structures.merging import MERGE_RULES

DISJOINT = ('box', 'mask')


def paint(masks, windows, areas) -> np.ndarray:
    """Paint the objects over each other, the largest one first."""
    canvas = np.full((HEIGHT, WIDTH), -1)
    # Of equal ones the earlier is the smaller and so is painted later.
    for i in sorted(range(len(masks)), key=lambda i: (-areas[i], -i)):
        canvas[paste(masks[i], windows[i]).astype(bool)] = i
    return canvas


@pytest.mark.parametrize('num', [1, 2, 8])
@pytest.mark.parametrize('areas', ['of boxes', 'equal', 'few values'])
def test_merge_masks_equals_painting(rng, num, areas):
    for _ in range(30):
        windows = np.stack([random_window(rng) for _ in range(num)])
        masks = [random_mask(rng, window) for window in windows]
        originals = [mask.copy() for mask in masks]
        sizes = {
            'of boxes': np.prod(windows[:, 2:] - windows[:, :2], axis=1),
            'equal': np.ones(num),
            'few values': rng.integers(1, 4, num)
        }[areas]
        merged = merge_masks(masks, windows, sizes)
        canvas = paint(masks, windows, sizes)
        for i, (mask, window) in enumerate(zip(merged, windows)):
            np.testing.assert_array_equal(paste(mask, window), canvas == i)
        np.testing.assert_equal(masks, originals)


def test_merged_masks_are_disjoint_and_lose_no_pixel(rng):
    windows = np.stack([random_window(rng) for _ in range(12)])
    masks = [random_mask(rng, window) for window in windows]
    merged = merge_masks(masks, windows, rng.random(12))
    claimed = sum(paste(m, w) for m, w in zip(masks, windows))
    owners = sum(paste(m, w) for m, w in zip(merged, windows))
    assert claimed.max() > 1
    np.testing.assert_array_equal(owners, claimed > 0)


@st.composite
def claims(draw) -> tuple:
    """Masks, windows, areas and ids of some objects of one image."""
    masks, windows = [], []
    for _ in range(draw(st.integers(1, 5))):
        x0, y0 = draw(st.integers(0, 20)), draw(st.integers(0, 14))
        w, h = draw(st.integers(1, 23 - x0)), draw(st.integers(1, 17 - y0))
        windows.append((x0, y0, x0 + w, y0 + h))
        masks.append(draw(arrays(bool, (h, w))))
    num = len(masks)
    # Few values, so that some are equal.
    areas = draw(st.lists(st.integers(1, 3), min_size=num, max_size=num))
    ids = draw(st.permutations(range(100, 100 + num)))
    return masks, np.array(windows), np.array(areas), np.array(ids)


@given(claims(), st.data())
def test_every_pixel_goes_to_the_smallest_that_claims_it(objects, data):
    masks, windows, areas, ids = objects
    merged = merge_masks(*objects)
    claimed = np.stack([paste(m, w) for m, w in zip(masks, windows)])
    owned = np.stack([paste(m, w) for m, w in zip(merged, windows)])
    assert [m.shape for m in merged] == [m.shape for m in masks]
    for y, x in np.argwhere(claimed.any(axis=0)):
        claimants = np.flatnonzero(claimed[:, y, x])
        smallest = min(claimants, key=lambda i: (areas[i], ids[i]))
        # Objects that are annotated twice share their pixels.
        owners = [
            i for i in claimants
            if np.array_equal(windows[i], windows[smallest])
            and np.array_equal(masks[i], masks[smallest])
        ]
        assert np.flatnonzero(owned[:, y, x]).tolist() == owners
    assert not owned[:, ~claimed.any(axis=0)].any()

    order = data.draw(st.permutations(range(len(masks))))
    turned = merge_masks([masks[i] for i in order], windows[order],
                         areas[order], ids[order])
    for i, mask in zip(order, turned):
        np.testing.assert_array_equal(mask, merged[i])


@st.composite
def scenes(draw) -> tuple:
    """Like :func:`claims`, with probabilities of few values."""
    masks, windows, _, ids = draw(claims())
    sizes = st.lists(
        st.integers(1, 20), min_size=len(masks), max_size=len(masks))
    probs = [
        draw(arrays(np.float32, mask.shape, elements=st.sampled_from(VALUES)))
        for mask in masks
    ]
    return masks, windows, np.array(draw(sizes)), ids, probs


# The second is higher than the first by less than a tenth.
VALUES = (0.48, 0.5, 0.75)


def slow_merge(masks, windows, areas, ids, probs, rule) -> np.ndarray:
    """Owners of every pixel, by the text of the rule, (n, H, W)."""
    num = len(masks)
    claimed = np.stack([paste(m, w) for m, w in zip(masks, windows)])
    maps = np.zeros((num, HEIGHT, WIDTH))
    for i, (x0, y0, x1, y1) in enumerate(windows):
        maps[i, y0:y1, x0:x1] = probs[i]
    sizes = claimed.sum(axis=(1, 2)) if rule == 'mask' else areas
    owned = claimed.copy()
    for large in range(num):
        for small in range(num):
            if (sizes[small], ids[small]) >= (sizes[large], ids[large]):
                continue
            takes = claimed[small] > 0
            if rule == 'quarter':
                takes = takes & (sizes[small] < sizes[large] / 4)
            if rule == 'probability':
                takes = takes & (maps[small] > 1.1 * maps[large])
            owned[large][takes] = 0
    return owned


def are_twins(masks, windows) -> bool:
    """Whether two objects have the same window and the same mask."""
    keys = {(tuple(w), m.tobytes()) for m, w in zip(masks, windows)}
    return len(keys) < len(masks)


@pytest.mark.parametrize('rule', MERGE_RULES)
@given(scene=scenes(), data=st.data())
def test_rules(rule, scene, data):
    masks, windows, areas, ids, probs = scene
    merged = merge_masks(masks, windows, areas, ids, rule, probs.__getitem__)
    owned = np.stack([paste(m, w) for m, w in zip(merged, windows)])
    claimed = np.stack([paste(m, w) for m, w in zip(masks, windows)])
    # No pixel is added, and none is lost by all.
    assert (owned <= claimed).all()
    np.testing.assert_array_equal(owned.any(axis=0), claimed.any(axis=0))
    if not are_twins(masks, windows):
        np.testing.assert_array_equal(owned, slow_merge(*scene, rule))
        if rule in DISJOINT:
            assert owned.sum(axis=0).max() <= 1

    order = data.draw(st.permutations(range(len(masks))))
    turned = merge_masks([masks[i] for i in order], windows[order],
                         areas[order], ids[order], rule,
                         [probs[i] for i in order].__getitem__)
    for i, mask in zip(order, turned):
        np.testing.assert_array_equal(mask, merged[i])


@pytest.mark.parametrize('rule', MERGE_RULES)
@given(scene=scenes())
def test_what_touches_nothing_stays(rule, scene):
    masks, windows, areas, ids, probs = scene
    alone, = merge_masks(masks[:1], windows[:1], areas[:1], ids[:1], rule,
                         probs.__getitem__)
    np.testing.assert_array_equal(alone, masks[0])
    # Merging again changes nothing where the order stays the same.
    if rule != 'mask' and not are_twins(masks, windows):
        once = merge_masks(masks, windows, areas, ids, rule, probs.__getitem__)
        twice = merge_masks(once, windows, areas, ids, rule, probs.__getitem__)
        if not are_twins(once, windows):
            np.testing.assert_equal(twice, once)


@pytest.mark.parametrize('rule', MERGE_RULES)
def test_objects_annotated_twice_share_their_pixels(rule):
    mask = np.ones((4, 5), dtype=bool)
    windows = np.array([(0, 0, 5, 4), (0, 0, 5, 4), (0, 0, 2, 1)])
    probs = [np.full((4, 5), 0.6), np.full((4, 5), 0.6), np.ones((1, 2))]
    masks = [mask, mask, mask[:1, :2]]
    first, second, small = merge_masks(
        masks, windows, [20, 20, 2], rule=rule, probability=probs.__getitem__)
    np.testing.assert_array_equal(first, second)
    assert small.all() and first.sum() == 18


@pytest.mark.parametrize('rule', DISJOINT)
def test_objects_with_other_boxes_share_nothing(rule):
    # Windows are larger than boxes where masks are not clipped to them.
    masks = [np.ones((4, 5), dtype=bool)] * 3
    windows = np.array([(0, 0, 5, 4)] * 3)
    boxes = np.array([(0, 0, 2, 2), (1, 1, 5, 4), (0, 0, 2, 2)])
    small, other, twin = merge_masks(
        masks, windows, [4, 12, 4], rule=rule, boxes=boxes)
    assert small.all() and twin.all() and not other.any()


@pytest.mark.parametrize('rule, known, words', [
    ('size', True, "merge_by='size'"),
    ('probability', False, 'needs the probabilities'),
])
def test_bad_rules(rule: Optional[str], known: bool, words: str):
    with pytest.raises(InputError, match=words):
        check_merge_rule(rule, known)
    check_merge_rule(None, known)


def test_probabilities_are_read_only_where_masks_overlap():
    masks = [np.eye(4, dtype=bool), ~np.eye(4, dtype=bool)]
    windows = np.array([(0, 0, 4, 4)] * 2)

    def fail(i):
        raise AssertionError

    merged = merge_masks(
        masks, windows, [1, 2], rule='probability', probability=fail)
    np.testing.assert_equal(merged, masks)
