"""voc_to_coco.py on small copies of the folders of VOC 2012 and SBD."""
import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmdet.datasets import VOCDataset
from PIL import Image
from pycocotools import mask as mask_utils
from scipy.io import savemat
from scipy.sparse import csc_matrix

from mmboxcaseg.datasets.coco import load_coco

PERSON, DOG, CAT = 15, 12, 8
SHAPE = 24, 32


def write_png(path: Path, numbers: np.ndarray) -> None:
    """Write a palette PNG with VOC's colours."""
    bits = np.arange(256)[:, None] >> np.arange(8) & 1
    palette = [
        bits[:, channel::3] @ (128 >> np.arange(len(range(channel, 8, 3))))
        for channel in range(3)
    ]
    image = Image.fromarray(numbers.astype(np.uint8), mode='P')
    image.putpalette(np.stack(palette, axis=1).astype(np.uint8).tobytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def write_mat(path: Path, objects: np.ndarray, categories: list) -> None:
    """Write an instance file in the format of SBD."""
    boundaries = np.empty((len(categories), 1), object)
    for i in range(len(categories)):
        boundaries[i, 0] = csc_matrix(objects == i + 1, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(
        path,
        dict(
            GTinst=dict(
                Segmentation=objects.astype(np.uint8),
                Categories=np.array(categories, np.uint8)[:, None],
                Boundaries=boundaries)),
        format='5',
        do_compression=True)


def draw_voc() -> tuple:
    """Object and class numbers: two objects, void around the first."""
    objects = np.zeros(SHAPE)
    objects[2:12, 3:13] = 255
    objects[3:11, 4:12] = 1
    objects[15:20, 20:30] = 3
    classes = np.select([objects == 255, objects == 1, objects == 3],
                        [255, PERSON, DOG])
    return objects, classes


def draw_sbd() -> np.ndarray:
    """Object numbers of three objects; the second has two parts."""
    objects = np.zeros(SHAPE)
    objects[0:5, 0:6] = 1
    objects[10:12, 10:12] = objects[20:24, 30:32] = 2
    objects[6:9, 1:2] = 3
    return objects


@pytest.fixture
def trees(tmp_path) -> SimpleNamespace:
    """VOC: train v1, both; val w. SBD: train both, s2, w; val s1."""
    voc, sbd = tmp_path / 'VOC2012', tmp_path / 'dataset'
    lists = {
        voc / 'ImageSets/Segmentation/train.txt': 'v1\nboth\n',
        voc / 'ImageSets/Segmentation/val.txt': 'w\n',
        sbd / 'train.txt': 's2\nboth\nw\n',
        sbd / 'val.txt': 's1\n'
    }
    for path, text in lists.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    objects, classes = draw_voc()
    for name in ('v1', 'both', 'w'):
        write_png(voc / f'SegmentationObject/{name}.png', objects)
        write_png(voc / f'SegmentationClass/{name}.png', classes)
    for name in ('s1', 's2', 'both', 'w'):
        write_mat(sbd / f'inst/{name}.mat', draw_sbd(), [CAT, PERSON, DOG])
    (voc / 'JPEGImages').mkdir()
    for name in ('v1', 'both', 'w', 's1', 's2'):
        cv2.imwrite(str(voc / f'JPEGImages/{name}.jpg'), np.zeros((*SHAPE, 3)))
    return SimpleNamespace(voc=voc, sbd=sbd)


def masks_of(coco: dict) -> dict:
    """Category ids and masks by file name of the image."""
    names = {img['id']: img['file_name'] for img in coco['images']}
    masks = {name: [] for name in names.values()}
    for ann in coco['annotations']:
        masks[names[ann['image_id']]].append(
            (ann['category_id'], mask_utils.decode(ann['segmentation'])))
    return masks


def test_files(tool, trees):
    printed = tool('voc_to_coco', trees.voc, trees.sbd)
    folder = trees.voc / 'annotations'
    train, boxes, val = (
        load_coco(str(folder / f'{name}.json'))
        for name in ('instances_trainaug', 'boxes_trainaug', 'instances_val'))
    assert len(list(folder.iterdir())) == 3
    for text in (
            'trainaug: 4 images, 2 of them with the masks of SBD; 10 annot',
            'trainaug: 4 images differ from the 10582 of the paper',
            'trainaug: 10 annotations differ from the 25815 of the paper',
            'val: 1 images, 0 of them with the masks of SBD; 2 annotations',
            'val: 1 images differ from the 1449 of the paper'):
        assert text in printed
    assert ' left out' not in printed and 'several' not in printed

    names = [cat['name'] for cat in train['categories']]
    assert len(names) == 20 and train['categories'] == val['categories']
    assert (names[PERSON - 1], names[DOG - 1],
            names[CAT - 1]) == ('person', 'dog', 'cat')
    for img in train['images'] + val['images']:
        assert (img['height'], img['width']) == SHAPE

    objects, drawn = draw_voc()[0], draw_sbd()
    from_voc = [(PERSON, objects == 1), (DOG, objects == 3)]
    from_sbd = [(CAT, drawn == 1), (PERSON, drawn == 2), (DOG, drawn == 3)]
    expected = {
        'both.jpg': from_voc,
        's1.jpg': from_sbd,
        's2.jpg': from_sbd,
        'v1.jpg': from_voc
    }
    for found, wanted in ((masks_of(train), expected), (masks_of(val), {
            'w.jpg': from_voc
    })):
        assert list(found) == list(wanted)
        for name, masks in wanted.items():
            assert [a for a, _ in found[name]] == [a for a, _ in masks]
            for (_, mask), (_, true) in zip(found[name], masks):
                assert (mask == true).all()

    # In 'both', void is outside the box.
    assert [ann['bbox']
            for ann in train['annotations'][:2]] == [[4, 3, 8, 8],
                                                     [20, 15, 10, 5]]
    # In 's1', the box holds both parts.
    assert train['annotations'][3]['bbox'] == [10, 10, 22, 14]
    assert train['annotations'][3]['area'] == 12
    assert boxes['annotations'][3] == dict(
        id=4,
        image_id=2,
        category_id=PERSON,
        bbox=[10, 10, 22, 14],
        area=22 * 14,
        iscrowd=0)
    assert not any('segmentation' in ann for ann in boxes['annotations'])


def test_same_bytes(tool, trees, tmp_path):
    tool('voc_to_coco', trees.voc, trees.sbd, '--nproc', 1)
    tool('voc_to_coco', trees.voc, trees.sbd, '--nproc', 3, '--out',
         tmp_path / 'again')
    for path in (tmp_path / 'again').iterdir():
        first = trees.voc / 'annotations' / path.name
        assert path.read_bytes() == first.read_bytes()


def test_doubtful_objects(tool, trees):
    objects, classes = draw_voc()
    classes[3, 4:7] = CAT  # three pixels of the person
    classes[objects == 3] = 255
    write_png(trees.voc / 'SegmentationClass/v1.png', classes)
    write_mat(trees.sbd / 'inst/s1.mat', draw_sbd(), [CAT, PERSON, DOG, DOG])
    write_mat(trees.sbd / 'inst/s2.mat', np.zeros(SHAPE), [])
    printed = tool('voc_to_coco', trees.voc, trees.sbd)
    for text in ('1 objects have pixels of several classes',
                 '1 objects left out, because most of their pixels have no '
                 'class',
                 '1 objects of SBD left out, because they have no pixel',
                 '1 images have no object'):
        assert f'trainaug: {text}' in printed
    coco = load_coco(str(trees.voc / 'annotations/instances_trainaug.json'))
    masks = masks_of(coco)
    (category, mask), = masks['v1.jpg']
    assert category == PERSON and (mask == (objects == 1)).all()
    assert masks['s2.jpg'] == [] and len(masks['s1.jpg']) == 3


@pytest.mark.parametrize('name', [
    'VOC2012/ImageSets/Segmentation/val.txt', 'dataset/inst/s1.mat',
    'VOC2012/SegmentationClass/w.png', 'VOC2012/JPEGImages/s2.jpg'
])
def test_missing_file(tool, trees, tmp_path, name):
    (tmp_path / name).unlink()
    with pytest.raises(SystemExit, match=f'^1 of .*{name}.*Unpack'):
        tool('voc_to_coco', trees.voc, trees.sbd)
    assert not (trees.voc / 'annotations').exists()


def break_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def make_colours(path: Path) -> None:
    Image.open(path).convert('RGB').save(path)


def make_small(path: Path) -> None:
    cv2.imwrite(str(path), np.zeros((8, 8), np.uint8))


def make_other_mat(path: Path) -> None:
    savemat(path, dict(GTcls=1))


def make_too_many(path: Path) -> None:
    write_mat(path, draw_sbd(), [CAT, PERSON])


def make_utf_16(path: Path) -> None:
    path.write_text(path.read_text(), 'utf-16')


def make_unknown_class(path: Path) -> None:
    write_mat(path, draw_sbd(), [CAT, PERSON, 21])


@pytest.mark.parametrize('name, change, message', [
    ('VOC2012/SegmentationObject/w.png', break_file, 'w.png cannot be read'),
    ('VOC2012/SegmentationObject/w.png', make_colours, 'has colours .RGB.'),
    ('VOC2012/SegmentationClass/w.png', make_small, 'differ in size'),
    ('VOC2012/JPEGImages/s1.jpg', make_small,
     's1.mat and .* differ in size; .*8x8'),
    ('VOC2012/JPEGImages/s1.jpg', break_file, 's1.jpg cannot be read'),
    ('dataset/inst/s1.mat', break_file,
     's1.mat is not an instance file of SBD'),
    ('dataset/inst/s1.mat', make_other_mat, 's1.mat is not an instance file'),
    ('dataset/inst/s1.mat', make_too_many, r'objects \[1, 2, 3\].*\[8, 15\]'),
    ('dataset/inst/s1.mat', make_unknown_class, r'says \[8, 15, 21\]'),
    ('dataset/train.txt', make_utf_16, 'train.txt is not UTF-8 text'),
])
def test_broken_file(tool, trees, tmp_path, name, change, message):
    change(tmp_path / name)
    with pytest.raises(SystemExit, match=message):
        tool('voc_to_coco', trees.voc, trees.sbd)


def test_files_are_json_of_coco(tool, trees):
    tool('voc_to_coco', trees.voc, trees.sbd, '--nproc', 1)
    text = (trees.voc / 'annotations/instances_val.json').read_text()
    for ann in json.loads(text)['annotations']:
        assert ann['iscrowd'] == 0 and ann['segmentation']['size'] == [*SHAPE]
        assert isinstance(ann['segmentation']['counts'], str)
        assert ann['area'] == mask_utils.area(ann['segmentation'])


def test_skip_broken(tool, trees):
    break_file(trees.voc / 'JPEGImages/s1.jpg')
    make_other_mat(trees.sbd / 'inst/s2.mat')
    path = trees.voc / 'JPEGImages/both.jpg'
    path.write_bytes(path.read_bytes()[:-20])
    printed = tool('voc_to_coco', trees.voc, trees.sbd, '--skip-broken')
    for text in ('2 of 4 files left out, they cannot be used:\n  s1: ',
                 'trainaug: 2 images, 0 of them with the masks of SBD',
                 'trainaug: 1 images are cut short; their missing pixels are '
                 'grey: both.jpg'):
        assert text in printed
    coco = load_coco(str(trees.voc / 'annotations/instances_trainaug.json'))
    assert list(masks_of(coco)) == ['both.jpg', 'v1.jpg']


def test_class_names(tool):
    from voc_to_coco import CLASSES
    assert CLASSES == VOCDataset.METAINFO['classes']
