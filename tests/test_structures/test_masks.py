import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as mask_utils
from windows import HEIGHT, WIDTH, paste, random_mask, random_window

from mmboxcaseg.structures import (agreement, binarize_maps, decode_window,
                                   encode_window, extend_window, sample_map,
                                   tight_box, to_rle)


def coco_rle(image: np.ndarray) -> dict:
    rle = mask_utils.encode(np.asfortranarray(image))
    return dict(size=rle['size'], counts=rle['counts'].decode())


def assert_encoded_as_coco_does(mask, window):
    rle = encode_window(mask, window, HEIGHT, WIDTH)
    assert rle == coco_rle(paste(mask, window))
    np.testing.assert_array_equal(mask_utils.decode(rle), paste(mask, window))
    np.testing.assert_array_equal(decode_window(rle, window), mask)


def test_encode_window_equals_pycocotools(rng):
    for _ in range(1000):
        window = random_window(rng)
        assert_encoded_as_coco_does(random_mask(rng, window), window)


@pytest.mark.parametrize('window', [
    (0, 0, WIDTH, HEIGHT),
    (4, 0, 9, HEIGHT),
    (0, 0, 1, 1),
    (WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT),
    (5, 6, 11, 12),
    (5, 0, 11, 12),
    (5, 6, 11, HEIGHT),
])
@pytest.mark.parametrize('fill', ['empty', 'full', 'top', 'bottom', 'pixel'])
def test_encode_window_at_column_ends(window, fill):
    x0, y0, x1, y1 = window
    mask = np.full((y1 - y0, x1 - x0), fill == 'full')
    rows = dict(top=slice(0, 1), bottom=slice(-1, None), pixel=slice(0, 1))
    if fill in rows:
        mask[rows[fill], -1 if fill == 'pixel' else slice(None)] = True
    assert_encoded_as_coco_does(mask, np.array(window))


def test_encode_window_joins_runs_of_neighbouring_columns():
    # The end of a column and the start of the next one are one run.
    mask = np.zeros((HEIGHT, 2), dtype=bool)
    mask[-3:, 0] = mask[:2, 1] = True
    rle = encode_window(mask, np.array([4, 0, 6, HEIGHT]), HEIGHT, WIDTH)
    uncompressed = dict(
        size=[HEIGHT, WIDTH],
        counts=[5 * HEIGHT - 3, 5, (WIDTH - 5) * HEIGHT - 2])
    assert rle == to_rle(uncompressed, HEIGHT, WIDTH)


def test_decode_window_reads_any_part(rng):
    image = (rng.random((HEIGHT, WIDTH)) < 0.5).astype(np.uint8)
    for _ in range(20):
        x0, y0, x1, y1 = window = random_window(rng)
        part = decode_window(coco_rle(image), window)
        assert part.dtype == bool
        np.testing.assert_array_equal(part, image[y0:y1, x0:x1])


def test_extend_window(rng):
    for _ in range(300):
        outer, own = random_window(rng), random_window(rng)
        mask = random_mask(rng, own)
        rle = encode_window(mask, own, HEIGHT, WIDTH)
        window = extend_window(outer, rle)
        # It is the tight box of both.
        both = paste(True, outer) | paste(mask, own)
        assert window.tolist() == list(tight_box(both))
        assert decode_window(rle, window).sum() == mask.sum()


def test_to_rle_reads_every_form(rng):
    image = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    image[3:9, 5:12] = 1
    column_counts = [5 * HEIGHT + 3] + [6, HEIGHT - 6] * 7
    column_counts[-1] = HEIGHT * WIDTH - sum(column_counts[:-1])
    counts = coco_rle(image)['counts']
    size = [HEIGHT, WIDTH]
    for segmentation in ([[5, 3, 12, 3, 12, 9, 5,
                           9]], [[5, 3, 12, 3, 12, 6, 5, 6],
                                 [5, 6, 12, 6, 12, 9, 5,
                                  9]], dict(size=size, counts=column_counts),
                         dict(size=size, counts=counts),
                         dict(size=size, counts=counts.encode())):
        assert to_rle(segmentation, HEIGHT, WIDTH) == coco_rle(image)


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_agreement_is_one_exactly_for_the_same_box(mask):
    score, (h, w) = agreement(mask), mask.shape
    sides = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    touches = all(side.any() for side in sides)
    assert (score == 1) == touches
    assert (score == 0) == (not mask.any())
    assert 0 <= score <= 1
    authors = score * h * w / ((h + 1) * (w + 1))
    assert agreement(mask, off_by_one=True) == pytest.approx(authors)


@pytest.mark.parametrize('size', range(1, 65))
def test_agreement_of_perfect_masks_is_one(size):
    assert agreement(np.ones((size, 65 - size), dtype=bool)) == 1
    # Touching all four sides is enough.
    assert agreement(np.eye(size, dtype=bool)) == 1


def test_agreement_of_empty_mask_is_zero():
    assert agreement(np.zeros((5, 4), dtype=bool)) == 0


def slow_agreement(mask: np.ndarray) -> float:
    h, w = mask.shape
    found = [(x, y) for y in range(h) for x in range(w) if mask[y, x]]
    if not found:
        return 0
    xs, ys = zip(*found)
    # The tight box lies inside the window: the union is the window.
    return (max(xs) - min(xs) + 1) * (max(ys) - min(ys) + 1) / (h * w)


def test_agreement_against_counting(rng):
    for _ in range(100):
        mask = rng.random(rng.integers(1, 12, 2)) < 0.08
        assert agreement(mask) == pytest.approx(slow_agreement(mask))


def slow_resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Bilinear resize, half-pixel centres, borders replicated."""
    size = len(image)
    out = np.empty((height, width))
    for y in range(height):
        for x in range(width):
            u = np.clip((x + 0.5) * size / width - 0.5, 0, size - 1)
            v = np.clip((y + 0.5) * size / height - 0.5, 0, size - 1)
            i, j = int(v), int(u)
            i1, j1 = min(i + 1, size - 1), min(j + 1, size - 1)
            top = image[i, j] * (1 - u + j) + image[i, j1] * (u - j)
            low = image[i1, j] * (1 - u + j) + image[i1, j1] * (u - j)
            out[y, x] = top * (1 - v + i) + low * (v - i)
    return out


@pytest.mark.parametrize('min_max', [True, False])
@pytest.mark.parametrize('threshold', [0.5, 0.3])
@pytest.mark.parametrize('window', [(3, 4, 9, 17), (0, 0, 30, 5),
                                    (2, 2, 3, 3)])
def test_binarize_maps(rng, min_max, threshold, window):
    prob = rng.uniform(0.2, 0.6, (12, 12)).astype(np.float32)
    x0, y0, x1, y1 = window
    stretched = (prob - prob.min()) / (prob.max() - prob.min())
    resized = slow_resize(stretched if min_max else prob, x1 - x0, y1 - y0)
    mask = binarize_maps(prob[None], [window], np.array(window), threshold,
                         min_max)
    assert mask.dtype == bool
    clear = abs(resized - threshold) > 1e-5
    np.testing.assert_array_equal(mask[clear], resized[clear] > threshold)
    assert clear.mean() > 0.95


def antialiased_row(row: np.ndarray, size: int) -> np.ndarray:
    """Resize a row with a triangle filter, as wide as a new pixel."""
    factor = len(row) / size
    reach = max(factor, 1)
    centres = (np.arange(size) + 0.5) * factor
    distances = abs(centres[:, None] - np.arange(len(row)) - 0.5)
    weights = np.maximum(1 - distances / reach, 0)
    return weights @ row / weights.sum(axis=1)


@pytest.mark.parametrize('size', [(21, 40), (9, 7), (50, 6), (90, 100)])
def test_binarize_maps_as_8_bit_images(rng, size):
    prob = rng.random((32, 32), dtype=np.float32)
    levels = (prob - prob.min()) / (prob.max() - prob.min()) * 255
    for axis, side in ((1, size[0]), (0, size[1])):
        levels = np.apply_along_axis(antialiased_row, axis, levels // 1, side)
    window = np.array([5, 6, 5 + size[0], 6 + size[1]])
    mask = binarize_maps(prob[None], [window], window, eight_bit=True)
    # Where rounding to 8 bits cannot decide.
    clear = abs(levels - 127.5) > 2
    np.testing.assert_array_equal(mask[clear], levels[clear] > 127.5)
    assert clear.mean() > 0.8
    assert (mask != binarize_maps(prob[None], [window], window)).any()


def test_binarize_maps_of_several_views(rng):
    # Both maps stretched, resized to what they show and averaged.
    probs = rng.random((2, 16, 16), dtype=np.float32)
    views, window = np.array([[0, 2, 20, 22], [4, 5, 14, 13]]), (5, 6, 12, 13)
    image = np.zeros((2, 30, 30))
    for canvas, prob, (x0, y0, x1, y1) in zip(image, probs, views):
        stretched = (prob - prob.min()) / (prob.max() - prob.min())
        canvas[y0:y1, x0:x1] = slow_resize(stretched, x1 - x0, y1 - y0)
    mean = image.mean(0)[6:13, 5:12]
    mask = binarize_maps(probs, views, np.array(window))
    assert 0 < mask.mean() < 1
    clear = abs(mean - 0.5) > 1e-5
    np.testing.assert_array_equal(mask[clear], mean[clear] > 0.5)


@pytest.mark.parametrize('value', [0, 0.4, 0.6, 1])
def test_binarize_maps_leaves_a_constant_map_as_it_is(value):
    prob = np.full((8, 8), value, dtype=np.float32)
    window = np.array([0, 0, 5, 3])
    mask = binarize_maps(prob[None], [window], window)
    assert mask.shape == (3, 5)
    assert (mask == (value > 0.5)).all()


@pytest.mark.parametrize('shape', [(16, 16), (9, 30), (2, 2)])
def test_sample_map_is_a_part_of_the_resized_map(rng, shape):
    values = rng.standard_normal(shape, dtype=np.float32)
    whole = cv2.resize(values, (50, 40), interpolation=cv2.INTER_LINEAR)
    for x0, y0, x1, y1 in [(0, 0, 50, 40), (3, 5, 4, 30), (41, 30, 50, 40)]:
        part = sample_map(values, (0, 0, 50, 40), (x0, y0, x1, y1))
        assert part.dtype == np.float32
        np.testing.assert_allclose(part, whole[y0:y1, x0:x1], atol=1e-5)


def test_sample_map_of_a_part_of_the_image():
    # Columns of the map lie at x = 11, 13, 15, 17, its values are 0 to 3.
    values = np.tile(np.arange(4, dtype=np.float32), (2, 1))
    row, = sample_map(values, (10, 0, 18, 4), (8, 1, 20, 2))
    expected = (np.arange(8, 20) + 0.5 - 11) / 2
    np.testing.assert_allclose(row, expected.clip(0, 3))
