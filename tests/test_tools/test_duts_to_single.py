"""duts_to_single.py on synthetic salient images."""
import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from mmboxcaseg.datasets import SalientDataset

OBJECTS = dict(one=1, speck=1, two=2, none=0, copy=1, shrunk=1)


def draw_image(rng: np.random.Generator) -> np.ndarray:
    """A smooth random image."""
    coarse = rng.integers(0, 256, (9, 12, 3)).astype(np.uint8)
    return cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC)


def draw_mask(name: str) -> np.ndarray:
    mask = np.zeros((120, 160), np.uint8)
    if name != 'none':
        mask[20:80, 30:90] = 255
    if name == 'two':
        mask[90:100, 100:120] = 128
    if name == 'speck':
        mask[100:105, 100:107] = 255  # 35 of 3,635 pixels
        mask[110, :] = 127
    return mask


@pytest.fixture
def duts(tmp_path, rng) -> SimpleNamespace:
    """Salient images, and target images in a folder and its subfolder."""
    paths = SimpleNamespace(
        images=tmp_path / 'DUTS-TR-Image',
        masks=tmp_path / 'DUTS-TR-Mask',
        target=tmp_path / 'target',
        out=tmp_path / 'lists' / 'single.txt')
    for folder in (paths.images, paths.masks, paths.target / 'deep'):
        folder.mkdir(parents=True)
    for name in OBJECTS:
        image = draw_image(rng)
        cv2.imwrite(str(paths.images / f'{name}.jpg'), image)
        cv2.imwrite(str(paths.masks / f'{name}.png'), draw_mask(name))
        if name == 'copy':
            cv2.imwrite(
                str(paths.target / 'x.jpg'), image,
                [cv2.IMWRITE_JPEG_QUALITY, 40])
        if name == 'shrunk':
            small = cv2.resize(image, None, fx=0.5, fy=0.5)
            cv2.imwrite(str(paths.target / 'deep' / 'y.png'), small)
    cv2.imwrite(str(paths.target / 'other.jpg'), draw_image(rng))
    return paths


def read_record(out: Path) -> dict:
    return json.loads(Path(f'{out}.left_out.json').read_text())


def test_single_objects(tool, duts):
    printed = tool('duts_to_single', duts.images, duts.masks, duts.out)
    for text in ('1 left out, no_object: none',
                 '1 left out, several_objects: two',
                 '4 of 6 images remain (in the paper, 7991 of the 10553 of '
                 'DUTS-TR)'):
        assert text in printed
    assert duts.out.read_text() == 'copy\none\nshrunk\nspeck\n'
    assert read_record(duts.out)['left_out'] == dict(
        no_object=['none'], several_objects=['two'], copies={})

    # SalientDataset reads the list, and applies the same rule itself.
    folders = dict(img=str(duts.images), mask=str(duts.masks))
    listed, ruled = (
        SalientDataset(data_prefix=folders, pipeline=[], **kwargs)
        for kwargs in (dict(ann_file=str(duts.out)), dict(single_object=True)))
    assert list(listed) == list(ruled) and len(listed) == 4


def hash_distance(*paths: Path) -> int:
    first, second = (
        imagehash.phash(
            Image.fromarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)),
            hash_size=16) for path in paths)
    return first - second


def test_copies(tool, duts):
    arguments = (duts.images, duts.masks, duts.out, '--exclude-overlap-with',
                 duts.target)
    printed = tool('duts_to_single', *arguments)
    assert 'Comparing 4 images with 3' in printed
    assert '2 left out, copies: copy, shrunk' in printed
    assert duts.out.read_text() == 'one\nspeck\n'
    found = read_record(duts.out)['left_out']['copies']
    partners = dict(copy='x.jpg', shrunk='deep/y.png')
    for name, partner in partners.items():
        path = duts.target / partner
        distance = hash_distance(duts.images / f'{name}.jpg', path)
        assert found[name] == [str(path), distance] and distance <= 40
    others = [
        hash_distance(duts.images / f'{name}.jpg', path)
        for name in ('one', 'speck') for path in duts.target.glob('*.jpg')
    ]
    assert min(others) > 80

    # The limit is inclusive.
    largest = max(distance for _, distance in found.values())
    for limit in (largest, largest - 1):
        tool('duts_to_single', *arguments, '--max-distance', limit)
        assert read_record(duts.out)['left_out']['copies'] == {
            name: copy
            for name, copy in found.items() if copy[1] <= limit
        }


def test_same_bytes(tool, duts):
    written = []
    for nproc in (1, 2):
        tool('duts_to_single', duts.images, duts.masks, duts.out, '--nproc',
             nproc, '--exclude-overlap-with', duts.target)
        files = sorted(duts.out.parent.iterdir())
        written.append([path.read_bytes() for path in files])
    assert written[0] == written[1] and len(written[0]) == 2


def test_nothing_remains(tool, duts):
    for name in OBJECTS:
        cv2.imwrite(str(duts.masks / f'{name}.png'), draw_mask('two'))
    with pytest.raises(SystemExit, match='no image is left'):
        tool('duts_to_single', duts.images, duts.masks, duts.out)
    assert not duts.out.exists()


@pytest.mark.parametrize('folder', ['lost', 'DUTS-TR-Mask/empty'])
def test_no_targets(tool, duts, tmp_path, folder):
    (duts.masks / 'empty').mkdir()
    with pytest.raises(
            SystemExit, match=f'{folder} is not a folder of images'):
        tool('duts_to_single', duts.images, duts.masks, duts.out,
             '--exclude-overlap-with', duts.target, tmp_path / folder)


@pytest.mark.parametrize('name, message', [
    ('DUTS-TR-Mask/one.png', 'one: its mask is not'),
    ('DUTS-TR-Image/one.jpg', 'one: the file is not'),
    ('target/other.jpg', 'target/other.jpg cannot be read'),
])
def test_broken_image(tool, duts, tmp_path, name, message):
    (tmp_path / name).write_bytes(b'')
    with pytest.raises(SystemExit, match=message):
        tool('duts_to_single', duts.images, duts.masks, duts.out,
             '--exclude-overlap-with', duts.target)
    assert not duts.out.exists()


def test_mask_without_image(tool, duts):
    (duts.images / 'two.jpg').unlink()
    with pytest.raises(SystemExit, match=r"no partner: \['two'\]"):
        tool('duts_to_single', duts.images, duts.masks, duts.out)


def test_skip_broken(tool, duts):
    (duts.masks / 'two.png').write_bytes(b'')
    path = duts.images / 'speck.png'  # only its header can be read
    cv2.imwrite(str(path), cv2.imread(str(path.with_suffix('.jpg'))))
    path.with_suffix('.jpg').unlink()
    path.write_bytes(path.read_bytes()[:-20])
    cut = duts.images / 'one.jpg'
    cut.write_bytes(cut.read_bytes()[:-20])
    (duts.target / 'other.jpg').write_bytes(b'')
    printed = tool('duts_to_single', duts.images, duts.masks, duts.out,
                   '--exclude-overlap-with', duts.target, '--skip-broken')
    assert '1 of 6 files left out, they cannot be used:\n  two: ' in printed
    text = '1 images are cut short; their missing pixels are grey: '
    assert f'{text}{cut}' in printed
    assert duts.out.read_text() == 'one\n'
    assert read_record(duts.out)['left_out']['broken'] == ['speck', 'two']


def test_no_readable_target(tool, duts, tmp_path):
    (tmp_path / 'broken').mkdir()
    (tmp_path / 'broken/a.jpg').write_bytes(b'')
    tool('duts_to_single', duts.images, duts.masks, duts.out, '--skip-broken',
         '--exclude-overlap-with', tmp_path / 'broken')
    assert duts.out.read_text() == 'copy\none\nshrunk\nspeck\n'


def test_images_with_another_suffix(tool, duts):
    (duts.images / 'one.jpg').rename(duts.images / 'one.JPEG')
    image = cv2.imread(str(duts.images / 'two.jpg'))
    (duts.images / 'two.jpg').unlink()
    cv2.imwrite(str(duts.images / 'two.tif'), image)
    tool('duts_to_single', duts.images, duts.masks, duts.out)
    assert duts.out.read_text() == 'copy\none\nshrunk\nspeck\n'
