from collections import Counter

import numpy as np
import pytest
import shapely
from pycocotools import mask as mask_utils
from scipy import ndimage

from mmboxcaseg.proxy import mask_to_polygons
from mmboxcaseg.proxy.polygons import outline_records
from mmboxcaseg.structures import encode_window, to_rle

HEIGHT, WIDTH = 24, 31


def outline(mask: np.ndarray, tolerance: float = 0) -> tuple:
    rle = encode_window(mask, (0, 0, WIDTH, HEIGHT), HEIGHT, WIDTH)
    return mask_to_polygons(rle, tolerance)


def fill(polygons) -> np.ndarray:
    flat = [polygon.ravel().tolist() for polygon in polygons]
    return mask_utils.decode(to_rle(flat, HEIGHT, WIDTH)).astype(bool)


def centres_inside(polygons) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    inside = np.zeros((HEIGHT, WIDTH), bool)
    for polygon in polygons:
        inside |= shapely.contains_xy(shapely.Polygon(polygon), x, y)
    return inside


def disc(radius: float = 10) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return (x - 14)**2 + (y - 12)**2 <= radius**2


def signed_area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def slow_fill(mask: np.ndarray) -> tuple:
    """Fill the holes of every part of a mask, and count them."""
    filled, holes = np.zeros_like(mask), 0
    parts, num_parts = ndimage.label(mask)
    for i in range(1, num_parts + 1):
        background = np.pad(parts != i, 1, constant_values=True)
        holes += ndimage.label(background)[1] - 1
        filled |= ndimage.binary_fill_holes(parts == i)
    return filled, holes


@pytest.mark.parametrize('density', [0.03, 0.3, 0.5, 0.7, 0.97])
def test_mask_is_kept_but_for_its_holes(rng, density):
    for _ in range(20):
        mask = rng.random((HEIGHT, WIDTH)) < density
        polygons, holes = outline(mask)
        filled, num_holes = slow_fill(mask)
        np.testing.assert_array_equal(centres_inside(polygons), filled)
        assert len(polygons) == ndimage.label(filled)[1]
        assert holes == num_holes


def test_largest_part_comes_first_and_all_turn_alike(rng):
    mask = rng.random((HEIGHT, WIDTH)) < 0.4
    areas = [signed_area(polygon) for polygon in outline(mask)[0]]
    assert len(areas) > 10
    assert areas == sorted(areas) or areas == sorted(areas, reverse=True)
    assert len(set(np.sign(areas))) == 1
    assert abs(areas[0]) > abs(areas[-1])


def test_empty_mask():
    assert outline(np.zeros((HEIGHT, WIDTH), bool)) == ([], 0)


def test_part_inside_a_hole_is_filled_with_it():
    mask = disc(10) & ~disc(7) | disc(3)
    polygons, holes = outline(mask)
    assert len(polygons) == 1 and holes == 1
    np.testing.assert_array_equal(fill(polygons), disc(10))


def test_slanted_border_is_a_straight_line():
    y, x = np.mgrid[:20, :20]
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[2:22, 3:23] = x <= y
    polygon, = outline(mask, tolerance=0.1)[0]
    assert len(polygon) <= 7
    np.testing.assert_array_equal(fill([polygon]), mask)


@pytest.mark.parametrize('tolerance, most, iou', [(0, 60, 1), (0.4, 40, .98),
                                                  (1, 20, .92)])
def test_tolerance_takes_points_away(tolerance, most, iou):
    mask = disc()
    (polygon, ), _ = outline(mask, tolerance)
    assert len(polygon) <= most
    again = fill([polygon])
    assert (again & mask).sum() / (again | mask).sum() >= iou


@pytest.mark.parametrize('shape', [(1, 1), (1, 5), (5, 1), (2, 2)])
def test_small_masks_survive_the_default_tolerance(shape):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[3:3 + shape[0], 4:4 + shape[1]] = True
    np.testing.assert_array_equal(fill(outline(mask, 0.4)[0]), mask)


def test_records_as_polygons():
    masks = [disc(), disc(8) & ~disc(4), disc(1), np.zeros_like(disc())]
    records = [
        dict(
            segmentation=encode_window(mask, (0, 0, WIDTH,
                                              HEIGHT), HEIGHT, WIDTH))
        for mask in masks
    ]
    losses = Counter()
    outline_records(records, 5, losses)
    assert records[3]['segmentation'] == []
    assert losses['masks'] == 3
    assert (losses['holes'], losses['with_holes']) == (1, 1)
    assert 0 < losses['iou'] < 3
    drawn = [
        mask_utils.area(to_rle(record['segmentation'], HEIGHT, WIDTH))
        for record in records[:3]
    ]
    assert losses['vanished'] == drawn.count(0)


def test_scores_of_a_mask_that_vanishes():
    dot = np.zeros((HEIGHT, WIDTH), bool)
    dot[3, 4] = True
    records = [
        dict(
            segmentation=encode_window(mask, (0, 0, WIDTH, HEIGHT), HEIGHT,
                                       WIDTH),
            mask_score=0.5,
            expected_iou=0.75) for mask in (dot, disc())
    ]
    outline_records(records, 5, Counter())
    assert not fill(map(np.array, records[0]['segmentation'])).any()
    scores = [(r['mask_score'], r['expected_iou']) for r in records]
    assert scores == [(0, 0), (0.5, 0.75)]
