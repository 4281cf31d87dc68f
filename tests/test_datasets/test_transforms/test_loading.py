import cv2
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile as StockLoadImageFromFile

from mmboxcaseg.datasets.transforms import LoadImageFromFile


@pytest.fixture
def cut_jpeg(tmp_path, rng) -> str:
    path = str(tmp_path / 'a.jpg')
    cv2.imwrite(path, rng.integers(0, 256, (20, 30, 3), np.uint8))
    with open(path, 'rb+') as file:
        content = file.read()
        file.truncate(len(content) - 20)
    return path


@pytest.mark.parametrize('options', [
    dict(),
    dict(to_float32=True),
    dict(color_type='grayscale'),
    dict(color_type='color_ignore_orientation'),
])
def test_cut_jpeg_is_loaded(cut_jpeg, options):
    with pytest.raises(AssertionError):
        StockLoadImageFromFile(**options)(dict(img_path=cut_jpeg))
    item = LoadImageFromFile(**options)(dict(img_path=cut_jpeg))
    is_grey = options.get('color_type') == 'grayscale'
    expected = cv2.imread(cut_jpeg, 0 if is_grey else 1)
    assert (item['img'] == expected).all()
    assert (item['img'].dtype == np.float32) == ('to_float32' in options)
    assert item['img_shape'] == item['ori_shape'] == (20, 30)


def test_whole_image_as_the_stock_transform(tmp_path, rng):
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, rng.integers(0, 256, (20, 30, 3), np.uint8))
    ours = LoadImageFromFile()(dict(img_path=path))
    theirs = StockLoadImageFromFile()(dict(img_path=path))
    assert ours.keys() == theirs.keys()
    assert (ours['img'] == theirs['img']).all()


def test_damaged_image(tmp_path):
    path = tmp_path / 'a.jpg'
    path.write_bytes(b'\xff\xd8 nothing')
    with pytest.raises(AssertionError, match='failed to load'):
        LoadImageFromFile()(dict(img_path=str(path)))
