"""boxes_to_coco.py on small folders of each format."""
import json

import cv2
import numpy as np
import pytest
from label_formats import BOXES, FORMATS, SIZES, boxes_of
from PIL import Image


@pytest.mark.parametrize('kind', [*FORMATS, 'cvat'])
def test_boxes(tree, kind):
    tree.write(kind)
    printed, coco = tree.convert(kind)
    assert f'{tree.out}: 5 boxes of 2 classes in 2 images' in printed
    assert 'left out' not in printed and 'clipped' not in printed
    assert [(img['id'], img['file_name'], (img['height'], img['width']))
            for img in coco['images']
            ] == [(i, *item) for i, item in enumerate(SIZES.items(), 1)]
    order = ['dog', 'cat'] if kind == 'yolo' else ['cat', 'dog']
    assert coco['categories'] == [
        dict(id=i, name=name) for i, name in enumerate(order, 1)
    ]
    # Whole pixels are restored, also from six digits of YOLO.
    assert boxes_of(coco) == BOXES
    assert [ann['id'] for ann in coco['annotations']] == [1, 2, 3, 4, 5]
    for ann in coco['annotations']:
        assert ann['area'] == ann['bbox'][2] * ann['bbox'][3]
        assert ann['iscrowd'] == 0 and 'segmentation' not in ann


def test_same_bytes(tree):
    tree.write('voc')
    written = []
    for nproc in (1, 2):
        tree.convert('voc', '--nproc', nproc)
        written.append(tree.out.read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize('text', [
    'train: images\nnc: 3\nnames: [bird, cat, dog]',
    'names:\n  0: bird\n  1: cat\n  2: dog\n'
])
def test_classes_of_yaml(tree, tmp_path, text):
    path = tmp_path / 'data.yaml'
    path.write_text(text)
    tree.write('labelme')
    coco = tree.convert('labelme', '--classes', path)[1]
    assert coco['categories'] == [
        dict(id=1, name='bird'),
        dict(id=2, name='cat'),
        dict(id=3, name='dog')
    ]
    assert boxes_of(coco) == BOXES


def test_class_names_beside_the_labels(tree):
    names = tree.write('yolo') / 'classes.txt'
    names.write_text('dog\ncat\n')
    assert boxes_of(tree.convert('yolo', '--classes', names)[1]) == BOXES


@pytest.mark.parametrize('name, text, message', [
    ('a.yaml', 'nc: 2', 'no class names'),
    ('a.yaml', 'names: {1: dog, 2: cat}', 'not all numbers from 0'),
    ('a.txt', 'dog\ncat\ndog\n', 'a name twice'),
    ('a.txt', '\n', 'no class names'),
    ('a.txt', 'dog', 'names 1 classes; the labels also have 1 .a'),
    ('a.yaml', 'names: [dog', 'is not valid YAML'),
])
def test_wrong_classes(tree, tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    tree.write('yolo')
    with pytest.raises(SystemExit, match=f'{name}.*{message}'):
        tree.convert('yolo', '--classes', tmp_path / name)


def test_files_of_windows(tree, tmp_path):
    labels = tree.write('yolo')
    names = tmp_path / 'names.txt'
    names.write_text('dog\ncat\n')
    for path in [names, *labels.rglob('*.txt')]:
        text = path.read_text().replace('\n', '\r\n')
        path.write_bytes(b'\xef\xbb\xbf' + text.encode())
    assert boxes_of(tree.convert('yolo', '--classes', names)[1]) == BOXES
    names.write_bytes(b'd\xf6g')
    with pytest.raises(SystemExit, match='names.txt is not UTF-8 text'):
        tree.convert('yolo', '--classes', names)


def test_yolo_needs_classes(tool, capsys):
    with pytest.raises(SystemExit):
        tool('boxes_to_coco', '--format', 'yolo', 'a', 'b', 'c.json')
    assert '--format yolo needs --classes' in capsys.readouterr().err


def test_unusual_boxes(tree):
    labels = tree.write('cvat')
    boxes = ''.join(
        f'<box label="dog" xtl="{x0}" ytl="{y0}" xbr="{x1}" ybr="{y1}" '
        f'rotation="{turn}"/>' for x0, y0, x1, y1, turn in [
            (-5, 10, 20, 99, 0),
            (30, 30, 30, 40, 0),
            (40, 30, 30, 40, 0),
            (70, 10, 80, 20, 0),
            (30, 30, 50, 40, 45),
            ('nan', 30, 50, 40, 0),
        ]) + '<polygon label="dog" points="1,1;2,2;3,1"/>'
    labels.write_text(
        f'<annotations><image name="a.jpg" width="70" height="60">{boxes}'
        '</image><image name="deep/b.png" width="640" height="33"/>'
        '</annotations>')
    printed, coco = tree.convert('cvat')
    for text in ('1 objects clipped: box that leaves its image: a.jpg box [0]',
                 '3 objects left out: box without area, with swapped corners, '
                 'NaN or infinite: a.jpg box [1], a.jpg box [2], a.jpg box [5',
                 '1 objects left out: box outside its image: a.jpg box [3]',
                 '1 objects left out: rotated box: a.jpg box [4]',
                 '1 objects left out: polygon (not a box): a.jpg polygon [6]'):
        assert text in printed
    assert boxes_of(coco) == {
        'a.jpg': [('dog', (0, 10, 20, 60))],
        'deep/b.png': []
    }


def test_other_shapes_of_labelme(tree):
    path = tree.write('labelme') / 'a.json'
    content = json.loads(path.read_text())
    content['shapes'][0]['shape_type'] = 'circle'
    path.write_text(json.dumps(content))
    printed, coco = tree.convert('labelme')
    assert (
        '1 objects left out: circle (not a box): a.jpg shape [0]') in printed
    assert boxes_of(coco) == {**BOXES, 'a.jpg': BOXES['a.jpg'][1:]}


def test_zero_based_voc(tree):
    path = tree.write('voc') / 'a.xml'
    path.write_text(path.read_text().replace('<xmin>4', '<xmin>0'))
    with pytest.raises(
            SystemExit, match=r'a.jpg: object \[1\] starts at 0.*--zero-ba'):
        tree.convert('voc')
    boxes = boxes_of(tree.convert('voc', '--zero-based')[1])
    assert boxes['a.jpg'][1] == ('cat', (0, 5, 13, 59))


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_turned_images(tree, orientation, suffix):
    labels = tree.write('yolo')
    exif = Image.Exif()
    exif[0x112] = orientation
    (tree.images / 'a.jpg').unlink()
    path = tree.images / f'a{suffix}'
    Image.new('RGB', (60, 70)).save(path, exif=exif)
    (labels / 'a.txt').write_text('0 0.5 0.5 1 1')
    coco = tree.convert('yolo')[1]
    height, width = cv2.imread(str(path)).shape[:2]
    assert (height < width) == (orientation > 4)
    assert coco['annotations'][0]['bbox'] == [0, 0, width, height]


def test_images_without_labels(tree):
    (tree.write('yolo') / 'a.txt').write_text('\n')
    cv2.imwrite(str(tree.images / 'c.png'), np.zeros((4, 4, 3)))
    printed, coco = tree.convert('yolo')
    assert '1 of 3 images left out: they have no label file' in printed
    assert boxes_of(coco) == {**BOXES, 'a.jpg': []}


def test_labels_without_image(tree):
    tree.write('yolo')
    (tree.images / 'a.jpg').unlink()
    with pytest.raises(
            SystemExit, match='(?s)1 of 2 files .*  a: .*no such image'):
        tree.convert('yolo')


def test_two_images_for_one_label_file(tree):
    tree.write('yolo')
    cv2.imwrite(str(tree.images / 'a.png'), np.zeros((4, 4, 3)))
    with pytest.raises(SystemExit, match='several images'):
        tree.convert('yolo')


@pytest.mark.parametrize('kind, message', [('yolo', 'has no .txt file'),
                                           ('voc', 'not a folder: .*labels')])
def test_no_labels(tree, tmp_path, kind, message):
    if kind == 'yolo':
        tree.write('voc')
    with pytest.raises(SystemExit, match=message):
        tree.convert(kind)


def test_no_boxes(tree):
    for path in tree.write('yolo').rglob('*.txt'):
        path.write_text('')
    with pytest.raises(SystemExit, match='boxes.json has no annotations'):
        tree.convert('yolo')
    assert not tree.out.exists()
