import cv2
import numpy as np
import pytest

from mmboxcaseg.datasets.coco import read_image


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
    with pytest.raises(ValueError, match='a.jpg cannot be read as an image'):
        read_image(str(path))
