import math

import numpy as np
import pytest

from mmboxcaseg.datasets.transforms.fading_resize import resize_fading

SHAPES = [(5, 7), (40, 6), (9, 41), (24, 24), (70, 100), (1, 30)]
SIZE = 24


def resize_row(row: list, size: int) -> list:
    """The same for one row, pixel by pixel."""
    factor = len(row) / size
    sigma = (factor - 1) / 2
    if sigma > 0:
        reach = range(-int(4 * sigma + 0.5), int(4 * sigma + 0.5) + 1)
        kernel = [math.exp(-(k / sigma)**2 / 2) for k in reach]
        row = [
            sum(weight * row[i + k]
                for k, weight in zip(reach, kernel) if 0 <= i + k < len(row)) /
            sum(kernel) for i in range(len(row))
        ]
    row = [0, *row, 0]  # black beyond the border
    resized = []
    for i in range(size):
        x = (i + 0.5) * factor + 0.5
        left = math.floor(x)
        resized.append((left + 1 - x) * row[left] + (x - left) * row[left + 1])
    return resized


@pytest.mark.parametrize('shape', SHAPES, ids=str)
@pytest.mark.parametrize('low', [0, 90])
def test_equals_the_plain_formula(rng, shape, low):
    img = rng.integers(low, 256, (*shape, 3), dtype=np.uint8)
    expected = np.apply_along_axis(resize_row, 0, img.astype(float), SIZE)
    expected = np.apply_along_axis(resize_row, 1, expected, SIZE)
    expected = expected.clip(img.min(), img.max())
    found = resize_fading(img, SIZE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize('shape', SHAPES, ids=str)
@pytest.mark.parametrize('low', [0, 90])
def test_equals_scikit_image(rng, shape, low):
    transform = pytest.importorskip('skimage.transform')
    img = rng.integers(low, 256, (*shape, 3), dtype=np.uint8)
    expected = transform.resize(img, (SIZE, SIZE), mode='constant') * 255
    np.testing.assert_allclose(
        resize_fading(img, SIZE), expected, rtol=0, atol=1e-4)


def test_border_of_an_enlarged_image_fades():
    img = np.full((4, 4, 3), 200, dtype=np.uint8)
    img[3, 3] = 0  # values may fall to the minimum of the image
    found = resize_fading(img, 16)
    assert found[0, 0, 0] < found[0, 5, 0] < found[2, 5, 0] == 200
