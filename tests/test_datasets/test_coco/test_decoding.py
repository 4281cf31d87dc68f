import io

import cv2
import numpy as np
import pytest
from PIL import Image

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (IMAGE_SUFFIXES, load_image, read_image,
                                      warn_of_cut_files)


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


def jpeg(**options) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, 'JPEG', **options)
    return buffer.getvalue()


WHOLE = jpeg()
THUMBNAIL = b'\xff\xe1\x00\x0a' + b'\xff\xd8\xff\xda\x00\x00\xff\xd9'
WITH_THUMBNAIL = WHOLE[:2] + THUMBNAIL + WHOLE[2:]


@pytest.mark.parametrize('content, is_cut', [
    (WHOLE, False),
    (WHOLE + b'\0' * 100, False),
    (WHOLE + WHOLE, False),
    (jpeg(progressive=True), False),
    (WHOLE[:-2], True),
    (WHOLE[:-1], True),
    (WHOLE[:-20], True),
    (jpeg(progressive=True)[:-20], True),
    (WITH_THUMBNAIL, False),
    (WITH_THUMBNAIL[:-20], True),
    (b'', False),
    (b'\xff\xd8', False),
    (b'GIF89a', False),
])
def test_warning_of_cut_files(tmp_path, log, content, is_cut):
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    warn_of_cut_files([str(path)], 'boxes.json')
    expected = ['boxes.json: 1 of 1 images were cut short'] if is_cut else []
    assert [m.split('.  ')[0].split('. They')[0]
            for m in log.messages] == expected
