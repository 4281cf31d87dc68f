"""Every kind of image file, through every way that loads images."""
import builtins
import io
import json

import cv2
import numpy as np
import pytest
from image_kinds import (ALL, CUT_JPEG, CUT_PNG, DEEP, LOADED, NO_IMAGE,
                         expected, write_kind)
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets.transforms import LoadAnnotations
from mmengine.dataset import Compose
from PIL import Image

from mmboxcaseg.datasets import (BoxCropDataset, ProxyCocoDataset,
                                 SalientDataset)
from mmboxcaseg.datasets.base_dataset import loads_upright
from mmboxcaseg.datasets.coco import (check_headers, header_problem,
                                      image_problem, is_readable, read_header)
from mmboxcaseg.datasets.transforms import CropBoxes, PackCrops
from mmboxcaseg.structures import to_rle

STORED = 'color_ignore_orientation'


def write_coco(path, folder, size=None) -> dict:
    """A COCO file of one box in one image; arguments of its data set."""
    height, width = size or expected(path.stem).shape[:2]
    ann = dict(id=3, image_id=1, category_id=1, bbox=[4, 5, 20, 30], area=600)
    ann.update(
        segmentation=to_rle([], height, width),
        mask_score=0,
        mask_source='none')
    data = dict(
        images=[dict(id=1, file_name=path.name, height=height, width=width)],
        annotations=[ann],
        categories=[dict(id=1, name='cat')])
    ann_file = folder / 'boxes.json'
    ann_file.write_text(json.dumps(data))
    return dict(ann_file=str(ann_file), data_prefix=dict(img=str(folder)))


def build(dataset_type, files, color_type='color'):
    return dataset_type(
        **files,
        metainfo=dict(classes=('cat', )),
        pipeline=[LoadImageFromFile(color_type=color_type)])


def assert_pixels(img: np.ndarray, rgb: np.ndarray) -> None:
    assert img.dtype == np.uint8 and img.shape == rgb.shape
    # JPEG and WebP lose something at the edges of the colours.
    assert np.abs(img[:, :, ::-1].astype(int) - rgb).mean() < 4


@pytest.mark.parametrize('kind', LOADED)
@pytest.mark.parametrize('dataset_type', [BoxCropDataset, ProxyCocoDataset])
def test_loaded(tmp_path, kind, dataset_type):
    files = write_coco(write_kind(kind, tmp_path), tmp_path)
    assert_pixels(build(dataset_type, files)[0]['img'], expected(kind))


@pytest.mark.parametrize('kind', LOADED)
def test_loaded_as_it_is_stored(tmp_path, kind):
    path, picture = write_kind(kind, tmp_path), expected(kind, upright=False)
    files = write_coco(path, tmp_path, picture.shape[:2])
    assert_pixels(build(BoxCropDataset, files, STORED)[0]['img'], picture)


@pytest.mark.parametrize('kind', LOADED)
@pytest.mark.parametrize('color_type', ['color', STORED])
def test_header_tells_the_size(tmp_path, kind, color_type):
    path = str(write_kind(kind, tmp_path))
    loader = LoadImageFromFile(color_type=color_type)
    size = loader(dict(img_path=path))['img'].shape[:2]
    upright = loads_upright(Compose([loader]))
    assert read_header(path).loaded_size(upright) == size
    assert image_problem(path, size, upright) is None
    wrong = (size[0] + 1, size[1])
    assert image_problem(path, wrong, upright) == 'image-size'


@pytest.mark.parametrize('backend, upright', [('cv2', True), ('pillow', True),
                                              ('turbojpeg', False)])
def test_backend(backend, upright):
    loader = LoadImageFromFile(imdecode_backend=backend)
    assert loads_upright(Compose([loader])) == upright


@pytest.mark.parametrize('dataset_type', [BoxCropDataset, ProxyCocoDataset])
@pytest.mark.parametrize('kind, words', [
    *[(kind, 'more than 8 bits') for kind in DEEP],
    *[(kind, 'the file is not an image') for kind in NO_IMAGE],
])
def test_refused(tmp_path, dataset_type, kind, words):
    path = write_kind(kind, tmp_path)
    files = write_coco(path, tmp_path, (48, 64))
    with pytest.raises(ValueError, match=words) as error:
        build(dataset_type, files)
    for part in (files['ann_file'], path.name):
        assert part in str(error.value)


@pytest.mark.parametrize('kind, size, words', [
    ('exif6', (48, 64), 'do not take its EXIF orientation'),
    ('exif6_png', (48, 64), 'do not take its EXIF orientation'),
    ('plain', (64, 48), 'has another size'),
    ('exif3', (64, 48), 'has another size'),
    ('exif6_webp', (64, 48), 'has another size'),
])
def test_wrong_size(tmp_path, kind, size, words):
    files = write_coco(write_kind(kind, tmp_path), tmp_path, size)
    with pytest.raises(ValueError, match=words):
        build(BoxCropDataset, files)


@pytest.mark.parametrize('kind', CUT_PNG)
@pytest.mark.parametrize('dataset_type', [BoxCropDataset, ProxyCocoDataset])
def test_cut_short(tmp_path, dataset_type, kind):
    # Only decoding finds it: the data set is built.
    path = write_kind(kind, tmp_path)
    dataset = build(dataset_type, write_coco(path, tmp_path, (48, 64)))
    with pytest.raises(ValueError, match='was cut short.*check_data') as error:
        dataset[0]
    assert str(path) in str(error.value)


def test_other_errors_stay(tmp_path):
    files = write_coco(write_kind('plain', tmp_path), tmp_path)
    dataset = BoxCropDataset(**files, pipeline=[lambda item: 1 / 0])
    with pytest.raises(ZeroDivisionError):
        dataset[0]


@pytest.mark.parametrize('kind', ALL)
def test_is_readable(tmp_path, kind):
    path = str(write_kind(kind, tmp_path))
    # 16 bits can be decoded; TIFFs of floats cannot.
    good = set(CUT_JPEG) | set(LOADED) | set(DEEP) - {'float32'}
    assert is_readable(path) == (kind in good)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_header(str(tmp_path / 'no.png'))


def test_more_pixels_than_pillow_likes(tmp_path):
    path = str(tmp_path / 'large.png')
    Image.new('1', (20000, 10000)).save(path)
    assert header_problem(read_header(path), (10000, 20000)) is None


@pytest.fixture
def salient(tmp_path):
    """Builds a data set of one image and one mask of any kind."""

    def make(image_kind: str, mask: np.ndarray = None, mask_kind=None):
        folders = dict(img=tmp_path / 'images', mask=tmp_path / 'masks')
        for folder in folders.values():
            folder.mkdir()
        image = write_kind(image_kind, folders['img'])
        if mask_kind:
            path = write_kind(mask_kind, folders['mask'])
            path.rename(folders['mask'] / f'{image.stem}.png')
        else:
            cv2.imwrite(str(folders['mask'] / f'{image.stem}.png'), mask)
        return SalientDataset(
            data_prefix={
                key: str(path)
                for key, path in folders.items()
            },
            pipeline=[
                LoadImageFromFile(),
                LoadAnnotations(
                    with_bbox=False, with_label=False, with_seg=True),
                PackCrops()
            ])

    return make


SALIENT = [
    kind for kind, suffix in LOADED.items()
    if suffix in ('.jpg', '.png', '.bmp')
]


@pytest.mark.parametrize('kind', SALIENT)
def test_salient_image(salient, kind):
    picture = expected(kind)
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[3:20, 5:9] = 255
    item = salient(kind, mask)[0]
    assert_pixels(item['inputs'][0].permute(1, 2, 0).numpy(), picture)
    masks = item['data_samples'].gt_instances.masks
    assert masks[0].tolist() == (mask > 0).tolist()


@pytest.mark.parametrize('kind, words', [
    *[(kind, 'more than 8 bits') for kind in DEEP if DEEP[kind] == '.png'],
    *[(kind, 'the file is not an image') for kind in NO_IMAGE],
])
def test_salient_image_refused(salient, kind, words):
    with pytest.raises(ValueError, match=f'{words}.*image {kind}'):
        salient(kind, np.zeros((48, 64), np.uint8))


@pytest.mark.parametrize('kind', ['grey_png', 'bit'])
def test_salient_mask(salient, kind):
    masks = salient('plain', mask_kind=kind)[0]['data_samples']
    mask = expected(kind)[:, :, 0] > 127
    assert masks.gt_instances.masks[0].tolist() == mask.tolist()


@pytest.mark.parametrize('kind, words', [
    ('palette', 'a palette'),
    ('palette_transparent', 'a palette'),
    ('alpha', 'transparency'),
    ('grey_alpha', 'transparency'),
    ('colour16', '16 bits'),
    ('grey16', '16 bits'),
    ('exif6_png', 'has colours'),
    ('html', 'its mask is not an image'),
])
def test_salient_mask_refused(salient, kind, words):
    with pytest.raises(ValueError, match=f'{words}.*: image plain.jpg'):
        salient('plain', mask_kind=kind)


@pytest.mark.parametrize('kind, shape', [('plain', (64, 48)),
                                         ('exif6', (48, 64))])
def test_salient_mask_of_another_size(salient, kind, shape):
    with pytest.raises(ValueError, match='its mask has another size'):
        salient(kind, np.zeros(shape, np.uint8))


def test_salient_mask_cut_short(salient):
    dataset = salient('plain', mask_kind='grey_png')
    path = dataset.get_data_info(0)['seg_map_path']
    with open(path, 'rb+') as file:
        file.truncate(60)  # its header is whole
    with pytest.raises(ValueError, match='masks/plain.png.*was cut short'):
        dataset[0]


def test_crops_of_a_turned_image(tmp_path):
    # The pixels of the box in the upright picture, as people see it.
    files = write_coco(write_kind('exif6', tmp_path), tmp_path)
    dataset = BoxCropDataset(
        **files,
        pipeline=[LoadImageFromFile(),
                  CropBoxes(size=8),
                  PackCrops()])
    crop = dataset[0]['inputs'][0].permute(1, 2, 0).numpy()
    picture = expected('exif6')[5:35, 4:24]
    assert_pixels(crop, cv2.resize(picture, (8, 8)))


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
])
def test_warning_of_cut_files(tmp_path, log, content, is_cut):
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    header = read_header(str(path))
    check_headers([('x/a.jpg', header, None)], 'boxes.json')
    assert header.is_cut == is_cut
    expected = ['boxes.json: 1 of 1 images were cut short'] if is_cut else []
    assert [m.split('. They')[0] for m in log.messages] == expected


@pytest.mark.parametrize('content', [b'', b'\xff\xd8', b'GIF89a'])
def test_too_short_for_a_header(tmp_path, content):
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    assert read_header(str(path)) is None


@pytest.mark.parametrize('length', range(7, 14))
def test_exif_that_was_cut_off(tmp_path, length):
    """It is loaded as if it had none."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = str(tmp_path / 'a.jpg')
    image = Image.fromarray(np.zeros((5, 7, 3), np.uint8))
    image.save(path, exif=exif.tobytes()[:length])
    size = cv2.imread(path).shape[:2]
    assert header_problem(read_header(path), size) is None


def test_any_error_of_pillow(tmp_path, monkeypatch):

    def broken(file):
        raise RuntimeError('no image item')  # as of a broken AVIF file

    path = write_kind('plain', tmp_path)
    monkeypatch.setattr(Image, 'open', broken)
    assert read_header(str(path)) is None


def test_files_are_opened_once(tmp_path, monkeypatch):
    opened = []

    def counting(file, *args, **kwargs):
        opened.append(str(file))
        return open_file(file, *args, **kwargs)

    path = write_kind('cut', tmp_path)
    files = write_coco(path, tmp_path, (48, 64))
    open_file = builtins.open
    monkeypatch.setattr(builtins, 'open', counting)
    build(BoxCropDataset, files)
    assert opened.count(str(path)) == 1
