import cv2
import numpy as np
import pytest

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import IMAGE_SUFFIXES, load_image, read_image


def test_read_image(tmp_path, rng):
    pixels = rng.integers(0, 256, (5, 7), np.uint8)
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), pixels)
    assert (read_image(str(path), 'grayscale') == pixels).all()
    assert (read_image(str(path)) == pixels[:, :, None]).all()


@pytest.mark.parametrize('content', ['', 'text'])
def test_broken_image(tmp_path, content):
    path = tmp_path / 'a.jpg'
    path.write_text(content)
    with pytest.raises(InputError, match='a.jpg cannot be read as an image'):
        read_image(str(path))


def test_damaged_size(tmp_path):
    """OpenCV raises an error instead of returning None."""
    path = tmp_path / 'a.bmp'
    cv2.imwrite(str(path), np.zeros((5, 7, 3), np.uint8))
    content = bytearray(path.read_bytes())
    content[18:26] = (100_000).to_bytes(4, 'little') * 2
    path.write_bytes(content)
    with pytest.raises(InputError, match='a.bmp cannot be read as an image'):
        read_image(str(path))


@pytest.mark.parametrize('lost', [2, 20, 400])
def test_jpeg_that_was_cut_short(tmp_path, rng, lost):
    path = tmp_path / 'a.jpg'
    coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
    cv2.imwrite(str(path), cv2.resize(coarse, (160, 120)))
    whole, complete = load_image(str(path))
    assert complete and (whole == cv2.imread(str(path))).all()
    path.write_bytes(path.read_bytes()[:-lost])
    image, complete = load_image(str(path))
    assert not complete and image.shape == whole.shape
    # cv2.imread() decodes such a file, too.
    assert (image == cv2.imread(str(path))).all()
    assert (image[:40] == whole[:40]).all()


def test_png_that_was_cut_short(tmp_path):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), np.zeros((9, 9, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match='cannot be read as an image'):
        load_image(str(path))


@pytest.mark.parametrize('suffix', IMAGE_SUFFIXES)
def test_suffixes(tmp_path, rng, suffix):
    """OpenCV writes and reads every format of the list."""
    if suffix == '.jfif':
        pytest.skip('OpenCV reads it as JPEG, but does not write this name')
    path = str(tmp_path / f'a{suffix}')
    cv2.imwrite(path, rng.integers(0, 256, (16, 16, 3), np.uint8))
    assert load_image(path)[0].shape == (16, 16, 3)
