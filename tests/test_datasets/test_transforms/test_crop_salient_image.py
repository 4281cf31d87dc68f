import numpy as np
import pytest
from mmcv.transforms import Compose, RandomResize
from mmdet.datasets.transforms import RandomCrop, Resize

from mmboxcaseg import InputError
from mmboxcaseg.datasets.transforms import CropSalientImage

SIZE = 24


def make_item(rng) -> dict:
    return dict(
        img=rng.integers(0, 256, (40, 52, 3), dtype=np.uint8),
        gt_seg_map=rng.integers(0, 2, (40, 52), dtype=np.uint8) * 255,
        crop_size=SIZE)


STOCK = {
    (1.25, 1.25): [Resize(scale=(30, 30), keep_ratio=False)],
    (1, 1): [Resize(scale=(24, 24), keep_ratio=False)],
    (1.02, 1.56): [RandomResize(scale=[(24, 24), (37, 37)], keep_ratio=False)],
}


@pytest.mark.parametrize('zoom', STOCK, ids=str)
def test_equals_mmdets_transforms(rng, zoom):
    """The draws, too: a change of them would change every labeller."""
    stock = Compose([*STOCK[zoom], RandomCrop(crop_size=(SIZE, SIZE))])
    ours = CropSalientImage(zoom)
    for seed in range(8):
        item = make_item(rng)
        np.random.seed(seed)
        expected = stock(dict(item))
        after = np.random.rand()
        np.random.seed(seed)
        found = ours(dict(item))
        assert np.random.rand() == after
        for key in ('img', 'gt_seg_map'):
            np.testing.assert_array_equal(found[key], expected[key])


def test_own_size(rng):
    item = dict(make_item(rng), crop_size=None)
    assert CropSalientImage(size=9)(dict(item))['img'].shape == (9, 9, 3)
    with pytest.raises(InputError, match='set `crop_size` of the data set'):
        CropSalientImage()(item)


@pytest.mark.parametrize('zoom', [(0.9, 1.2), (1.5, 1.2)])
def test_bad_zoom(zoom):
    with pytest.raises(InputError, match='1 <= low <= high'):
        CropSalientImage(zoom)
