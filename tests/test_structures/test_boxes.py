import numpy as np
import pytest

from mmboxcaseg.structures import (box_faults, jitter_box, label_windows,
                                   pixel_boxes, tight_box, xywh_to_xyxy)

HEIGHT, WIDTH = 20, 30


def pixels_touched(box) -> tuple:
    """The pixel box by asking every pixel whether the box reaches into it."""
    x0, y0, x1, y1 = box
    cols = [x for x in range(WIDTH) if x0 < x + 1 - 1e-4 and x1 > x + 1e-4]
    rows = [y for y in range(HEIGHT) if y0 < y + 1 - 1e-4 and y1 > y + 1e-4]
    return cols[0], rows[0], cols[-1] + 1, rows[-1] + 1


def test_pixel_boxes_hold_all_pixels_touched(rng):
    corners = rng.uniform(-4, (WIDTH - 1, HEIGHT - 1), (300, 2))
    boxes = np.hstack([corners, corners + rng.uniform(4.5, 30, (300, 2))])
    boxes[::3] = boxes[::3].round()
    snapped = pixel_boxes(boxes, HEIGHT, WIDTH)
    assert snapped.dtype == np.int64
    assert snapped.tolist() == [list(pixels_touched(box)) for box in boxes]


@pytest.mark.parametrize('box, expected', [
    ([1, 2, 3, 4], [1, 2, 3, 4]),
    ([1.2, 2.7, 3.2, 4.7], [1, 2, 4, 5]),
    ([0.99999, 2, 3, 4.00001], [1, 2, 3, 4]),
    ([0.999, 2, 3, 4.001], [0, 2, 3, 5]),
    ([-5, -5, 99, 99], [0, 0, WIDTH, HEIGHT]),
    ([7.4, 8.6, 7.4001, 8.6001], [7, 8, 8, 9]),
    ([7, 8, 7.00001, 8.00001], [7, 8, 8, 9]),
    ([29.5, 19.5, 40, 40], [29, 19, 30, 20]),
])
def test_pixel_boxes_snap_outward_and_clip(box, expected):
    assert pixel_boxes(np.array(box), HEIGHT, WIDTH).tolist() == [expected]


@pytest.mark.parametrize('box, expected', [
    ([1.2, 2.7, 3.2, 4.7], [1, 2, 3, 4]),
    ([1, 2, 3, 4], [1, 2, 3, 4]),
    ([-5.5, -0.5, 99, 99], [0, 0, WIDTH, HEIGHT]),
    ([7.4, 8.6, 7.9, 9.6], [7, 8, 8, 9]),
])
def test_pixel_boxes_may_lose_their_fractions(box, expected):
    boxes = pixel_boxes(np.array(box), HEIGHT, WIDTH, truncate=True)
    assert boxes.tolist() == [expected]


@pytest.mark.parametrize('decimals', [0, 1, 2, 6, 15])
def test_truncated_boxes_are_those_of_the_release(rng, decimals):
    boxes = rng.uniform(0, 600, (20000, 4)).round(decimals)
    # The fractions of corner and size often add up to a whole pixel.
    x, y, w, h = boxes.astype(int).T
    expected = np.stack([x, y, x + np.maximum(w, 1), y + np.maximum(h, 1)], 1)
    ours = pixel_boxes(xywh_to_xyxy(boxes), 2000, 2000, truncate=True)
    np.testing.assert_array_equal(ours, expected)


def test_truncated_corner_and_size():
    box = xywh_to_xyxy([10.7, 20.2, 5.6, 7.9])
    assert pixel_boxes(box, 50, 50, True).tolist() == [[10, 20, 15, 27]]


def test_pixel_boxes_inside_are_never_empty(rng):
    corners = rng.uniform(0, (WIDTH - 0.01, HEIGHT - 0.01), (500, 2))
    sizes = 10**rng.uniform(-9, 1, (500, 2))
    boxes = pixel_boxes(np.hstack([corners, corners + sizes]), HEIGHT, WIDTH)
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert (boxes >= 0).all()
    assert (boxes[:, 2:] <= (WIDTH, HEIGHT)).all()


@pytest.mark.parametrize('box', [
    [WIDTH, 3, WIDTH + 5, 9],
    [3, HEIGHT + 2, 9, HEIGHT + 4],
    [-9, 3, -1, 9],
    [3, -0.9, 9, -0.1],
    [-5, 3, 0, 9],
])
def test_pixel_boxes_outside_are_empty(box):
    x0, y0, x1, y1 = pixel_boxes(np.array([box]), HEIGHT, WIDTH)[0]
    assert x0 >= x1 or y0 >= y1


def box_augmentation(x, y, w, h, random):
    """The listing of section 3.2.2, with its draws handed in."""
    x2 = x + random[0] * w
    y2 = y + random[1] * h
    w2 = random[2] * w
    h2 = random[3] * h
    return x2, y2, w2, h2


def test_jitter_box_is_the_listing_of_the_paper(rng):
    for _ in range(50):
        x, y, w, h = rng.uniform(1, 100, 4)
        shift, scale = rng.uniform(-.25, .25, 2), rng.uniform(.5, 1.5, 2)
        x2, y2, w2, h2 = box_augmentation(x, y, w, h, [*shift, *scale])
        jittered = jitter_box(np.array([x, y, x + w, y + h]), shift, scale)
        np.testing.assert_allclose(jittered, [x2, y2, x2 + w2, y2 + h2])


def test_centred_jitter(rng):
    for _ in range(50):
        x, y, w, h = rng.uniform(1, 100, 4)
        shift, scale = rng.uniform(-.25, .25, 2), rng.uniform(.5, 1.5, 2)
        # The centre moves in units of half the size, then the box grows.
        cx, cy = x + w / 2 + shift[0] * w / 2, y + h / 2 + shift[1] * h / 2
        w2, h2 = w * scale[0], h * scale[1]
        jittered = jitter_box(
            np.array([x, y, x + w, y + h]), shift, scale, centred=True)
        np.testing.assert_allclose(
            jittered, [cx - w2 / 2, cy - h2 / 2, cx + w2 / 2, cy + h2 / 2])


def test_jitter_box_of_nothing_is_the_box():
    box = np.array([3., 4., 7., 9.])
    np.testing.assert_array_equal(jitter_box(box, (0, 0), (1, 1)), box)


def slow_tight_box(mask: np.ndarray) -> tuple:
    h, w = mask.shape
    found = [(x, y) for y in range(h) for x in range(w) if mask[y, x]]
    if not found:
        return 0, 0, 0, 0
    xs, ys = zip(*found)
    return min(xs), min(ys), max(xs) + 1, max(ys) + 1


@pytest.mark.parametrize('density', [0, 0.01, 0.05, 1])
def test_tight_box(rng, density):
    for _ in range(20):
        mask = rng.random((9, 14)) < density
        assert tight_box(mask) == slow_tight_box(mask)


def test_sizes_may_differ_by_box(rng):
    boxes = rng.uniform(-5, 40, (50, 4))
    height, width = rng.integers(1, 40, (2, 50))
    together = pixel_boxes(boxes, height, width)
    for i, box in enumerate(boxes):
        assert together[i].tolist() == pixel_boxes(box, height[i],
                                                   width[i])[0].tolist()


def test_xywh_to_xyxy():
    boxes = [[1, 2, 3, 4], [0.5, 0, 0.25, 8]]
    corners = xywh_to_xyxy(boxes)
    assert corners.tolist() == [[1, 2, 4, 6], [0.5, 0, 0.75, 8]]
    assert xywh_to_xyxy(boxes[0]).tolist() == [1, 2, 4, 6]
    assert xywh_to_xyxy([]).shape == (0, 4)


def test_xywh_to_xyxy_leaves_its_argument_alone():
    boxes = np.array([[1., 2., 3., 4.]])
    xywh_to_xyxy(boxes)
    assert boxes.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize('box, fault', [
    ([1, 1, 5, 5], None),
    ([5, 1, 1, 5], 'box-inverted'),
    ([5, 5, 1, 5], 'box-inverted'),
    ([1, 1, 5, 1], 'box-zero'),
    ([-9, -9, -9, -9], 'box-zero'),
    ([WIDTH, 0, WIDTH + 5, 5], 'box-outside'),
    ([WIDTH - 1e-5, 0, WIDTH + 5, 5], 'box-outside'),
    ([0, -5, 5, 0], 'box-outside'),
    ([-5, -5, 1, 1], None),
])
def test_box_faults(box, fault):
    faults = box_faults([box], [[WIDTH, HEIGHT]])
    assert [name for name, marks in faults.items()
            if marks[0]] == ([fault] if fault else [])


def test_one_size_for_all_boxes(rng):
    boxes = rng.integers(-9, 40, (300, 4))
    sizes = np.tile([WIDTH, HEIGHT], (300, 1))
    for one, each in zip(
            box_faults(boxes, (WIDTH, HEIGHT)).values(),
            box_faults(boxes, sizes).values()):
        assert one.any() and (one == each).all()


def test_no_boxes_have_no_faults():
    faults = box_faults(xywh_to_xyxy([]), np.zeros((0, 2)))
    assert [len(marks) for marks in faults.values()] == [0, 0, 0]


def test_no_window_is_empty():
    boxes = np.array([[2.5, 3.5, 8, 9], [60, 5, 70, 9], [49.2, 1.5, 49.9, 9]])
    own = np.array([[0, 0, 1, 1], [41.5, 5, 44, 9], [0, 0, 1, 1]])
    np.testing.assert_array_equal(
        label_windows(boxes, 40, 50, instead=own),
        [[2, 3, 8, 9], [41, 5, 44, 9], [49, 1, 50, 9]])
    # Nothing is left of 0.7 pixels without their fractions.
    narrow = np.array([[49.2, 39.5, 49.9, 39.9], [-0.4, -0.3, 0.4, 0.3]])
    truncated = label_windows(narrow, 40, 50, truncate=True)
    assert (truncated[:, :2] < truncated[:, 2:]).all()
