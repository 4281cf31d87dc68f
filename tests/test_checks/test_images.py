import cv2
import numpy as np
import pytest
from image_kinds import CUT_JPEG, DEEP, NO_IMAGE, write_kind
from mmcv.transforms import LoadImageFromFile as StockLoader

from mmboxcaseg.checks.images import inspect_image, inspect_mask, place_of
from mmboxcaseg.datasets.coco import read_header
from mmboxcaseg.datasets.transforms import LoadImageFromFile


def inspect(path, mask=None, loader=LoadImageFromFile):
    return inspect_image((str(path), mask and str(mask), loader()))


def test_good_image(tmp_path):
    facts = inspect(write_kind('plain', tmp_path))
    assert facts.problem is None and facts.size == (48, 64)
    assert not facts.header.is_cut and not facts.transparent


def test_equal_pixels_have_equal_digests(tmp_path):
    path = write_kind('bmp', tmp_path)
    other = tmp_path / 'other.png'
    cv2.imwrite(str(other), cv2.imread(str(path)))
    assert inspect(path).digest == inspect(other).digest
    changed = cv2.imread(str(path))
    changed[3, 4] ^= 1
    cv2.imwrite(str(other), changed)
    assert inspect(path).digest != inspect(other).digest


@pytest.mark.parametrize('kind, problem', [
    *((kind, 'image-unreadable') for kind in NO_IMAGE),
    *((kind, 'image-depth') for kind in DEEP),
    ('cut_png', 'image-damaged'),
])
def test_problems(tmp_path, kind, problem):
    assert inspect(write_kind(kind, tmp_path)).problem == problem


def test_missing_file(tmp_path):
    assert inspect(tmp_path / 'no.png').problem == 'image-missing'


@pytest.mark.parametrize('kind', CUT_JPEG)
def test_cut_jpeg_is_damaged_for_the_stock_loader(tmp_path, kind):
    path = write_kind(kind, tmp_path)
    assert inspect(path).header.is_cut and inspect(path).problem is None
    assert inspect(path, loader=StockLoader).problem == 'image-damaged'


def test_transparency(tmp_path):
    assert inspect(write_kind('alpha', tmp_path)).transparent


@pytest.mark.parametrize('values, kinds', [
    ([0, 255], ()),
    ([0, 0], ('mask-empty', )),
    ([0, 1], ('mask-dark', )),
    ([255, 255], ('mask-full', )),
    ([0, 200], ('mask-grey', )),
    ([128, 200], ('mask-full', 'mask-grey')),
])
def test_masks(tmp_path, values, kinds):
    image = write_kind('plain', tmp_path)
    mask = np.repeat(np.array(values, np.uint8), 24 * 64).reshape(48, 64)
    path = tmp_path / 'mask.png'
    cv2.imwrite(str(path), mask)
    assert inspect(image, path).mask_kinds == kinds


def test_mask_that_is_cut_short(tmp_path):
    header = read_header(str(write_kind('plain', tmp_path)))
    path = tmp_path / 'mask.png'
    cv2.imwrite(str(path), np.zeros((48, 64), np.uint8))
    path.write_bytes(path.read_bytes()[:-30])
    assert inspect_mask(str(path), header, (48, 64)) == ('mask-unreadable', )


def test_place_of_a_link(tmp_path):
    path = write_kind('plain', tmp_path)
    link = tmp_path / 'link.jpg'
    link.symlink_to(path)
    places = [place_of((str(p), None, StockLoader())) for p in (path, link)]
    assert places[0] == places[1]
    remote = StockLoader(backend_args=dict(backend='petrel'))
    assert place_of((str(path), None, remote)) != places[0]
