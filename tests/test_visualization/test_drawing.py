import base64
import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mmboxcaseg.visualization.drawing import (COLOURS, Instance,
                                              context_window, draw,
                                              draw_thumbnail, to_array,
                                              to_data_uri, to_jpeg_uri)


@pytest.mark.parametrize('bbox, expected', [
    ([40, 20, 20, 8], (35, 15, 65, 33)),
    ([0, 0, 20, 8], (0, 0, 25, 13)),
    ([90, 40, 10, 10], (87, 37, 100, 50)),
])
def test_context_window(bbox, expected):
    assert tuple(context_window(bbox, 50, 100)) == expected


def open_image(uri: str) -> Image.Image:
    head, data = uri.split(',')
    assert head == 'data:image/jpeg;base64'
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.format == 'JPEG'
    return image


@pytest.mark.parametrize('shape, size', [((30, 60), (200, 100)),
                                         ((60, 30), (100, 200))])
def test_thumbnail(shape, size):
    img = np.full((*shape, 3), 255, dtype=np.uint8)
    mask = np.zeros(shape, dtype=bool)
    mask[:, shape[1] // 2:] = True
    box = (0, 0, *shape[::-1])
    thumbnail = open_image(draw_thumbnail(img, Instance(box, mask)))
    assert thumbnail.size == size
    pixels = np.asarray(thumbnail, dtype=int)
    middle = pixels[pixels.shape[0] // 2]
    quarter = pixels.shape[1] // 4
    # White stays white, the mask is half red.
    assert (middle[quarter] > 240).all()
    red, green, blue = middle[3 * quarter]
    assert red > 200 and green < 160 and blue < 160


@pytest.mark.parametrize('width, size', [(1, (200, 200)), (900, (200, 16))])
def test_thumbnail_of_one_row(width, size):
    instance = Instance((0, 0, width, 1), np.ones((1, width)))
    img = np.zeros((1, width, 3), dtype=np.uint8)
    assert open_image(draw_thumbnail(img, instance)).size == size


def paint(*instances: Instance) -> np.ndarray:
    """Draw over a black image, one pixel of the figure per pixel."""
    figure = Figure(figsize=(1, 1), dpi=100)
    ax = figure.add_axes((0, 0, 1, 1))
    draw(ax, np.zeros((100, 100, 3), dtype=np.uint8), instances)
    return to_array(figure)


def test_masks_and_boxes():
    mask = np.zeros((100, 100), dtype=bool)
    mask[20:60, 20:60] = True
    box = (10, 10, 60, 60)
    plain = paint(Instance(box))
    assert plain.shape == (100, 100, 3) and plain.dtype == np.uint8
    assert (plain[30:50, 30:50] == 0).all()
    # The colour of the first object; half of it inside the mask.
    colour = np.rint(255 * COLOURS[0])
    assert np.abs(plain[40, 10] - colour).max() < 40
    masked = paint(Instance(box, mask))
    assert np.abs(masked[40, 40] - colour / 2).max() <= 1
    # A dropped mask is grey.
    dropped = paint(Instance(box, mask, dropped=True))[40, 40]
    assert len(set(dropped.tolist())) == 1 and dropped[0] > 0


def test_label_stays_inside_the_image():
    corners = [(0, 0, 5, 5), (95, 0, 5, 5), (0, 95, 5, 5), (95, 95, 5, 5)]
    for x, y, w, h in corners:
        added = paint(Instance((x, y, w, h),
                               text='cat')) != paint(Instance((x, y, w, h)))
        rows, columns = np.nonzero(added.any(axis=2))
        # The label is wider and higher than the box beside it.
        assert np.ptp(columns) > 10 and np.ptp(rows) > 5


def test_data_uri_of_svg():
    figure = Figure(figsize=(1, 1))
    figure.add_axes((0, 0, 1, 1)).plot([0, 1])
    head, data = to_data_uri(figure, 'svg').split(',')
    assert head == 'data:image/svg+xml;base64'
    assert b'</svg>' in base64.b64decode(data)


def test_data_uri_of_an_image():
    img = np.zeros((20, 30, 3), dtype=np.uint8)
    img[..., 0] = 200
    pixels = np.asarray(open_image(to_jpeg_uri(img)), dtype=int)
    assert pixels.shape == img.shape
    assert np.abs(pixels - img).max() <= 4
