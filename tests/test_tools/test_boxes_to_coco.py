"""boxes_to_coco.py on small folders of each format."""
import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from mmboxcaseg.datasets.coco import load_coco

# xyxy, half-open. Fractions of 70 and 33 pixels have many decimals.
SIZES = {'a.jpg': (60, 70), 'deep/b.png': (33, 640)}
BOXES = {
    'a.jpg': [('dog', (0, 0, 70, 60)), ('cat', (3, 4, 13, 59))],
    'deep/b.png': [('cat', (100.25, 1.5, 639, 32)), ('dog', (17, 5, 18, 6)),
                   ('cat', (1, 2, 3, 30))]
}


def to_yolo(height: int, width: int, boxes: list) -> str:
    classes = dict(dog=0, cat=1)
    return ''.join(f'{classes[label]} {(x0 + x1) / 2 / width:.6f} '
                   f'{(y0 + y1) / 2 / height:.6f} {(x1 - x0) / width:.6f} '
                   f'{(y1 - y0) / height:.6f}\n'
                   for label, (x0, y0, x1, y1) in boxes)


def to_labelme(height: int, width: int, boxes: list) -> str:
    shapes = [
        # from the lower left to the upper right corner
        dict(
            label=label,
            points=[[x0, y1], [x1, y0]],
            group_id=None,
            shape_type='rectangle',
            flags={}) for label, (x0, y0, x1, y1) in boxes
    ]
    return json.dumps(
        dict(
            version='5.5.0',
            flags={},
            shapes=shapes,
            imagePath='whatever.jpg',
            imageData=None,
            imageHeight=height,
            imageWidth=width))


def to_voc(height: int, width: int, boxes: list) -> str:
    objects = ''.join(
        f'<object><name>{label}</name><difficult>1</difficult>'
        f'<bndbox><xmax>{x1}</xmax><xmin>{x0 + 1}</xmin>'
        f'<ymin>{y0 + 1}</ymin><ymax>{y1}</ymax></bndbox>'
        '<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin>'
        '<xmax>2</xmax><ymax>2</ymax></bndbox></part></object>'
        for label, (x0, y0, x1, y1) in boxes)
    return ('<annotation><filename>whatever</filename>'
            f'<size><width>{width}</width><height>{height}</height>'
            f'<depth>3</depth></size>{objects}</annotation>')


def to_cvat() -> str:
    images = ''
    for i, name in enumerate(sorted(BOXES, reverse=True)):
        height, width = SIZES[name]
        boxes = ''.join(
            f'<box label="{label}" occluded="0" xtl="{x0:.2f}" ytl="{y0:.2f}" '
            f'xbr="{x1:.2f}" ybr="{y1:.2f}" z_order="0"></box>'
            for label, (x0, y0, x1, y1) in BOXES[name])
        images += (f'<image id="{i}" name="{name}" width="{width}" '
                   f'height="{height}">{boxes}</image>')
    return ('<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1'
            '</version><meta><task><labels><label><name>dog</name></label>'
            f'</labels></task></meta>{images}</annotations>')


FORMATS = dict(
    yolo=(to_yolo, '.txt'),
    labelme=(to_labelme, '.json'),
    voc=(to_voc, '.xml'))


@pytest.fixture
def tree(tool, tmp_path) -> SimpleNamespace:
    """Writes labels, and runs the tool on them."""
    images, out = tmp_path / 'images', tmp_path / 'boxes.json'
    for name, (height, width) in SIZES.items():
        (images / name).parent.mkdir(exist_ok=True, parents=True)
        cv2.imwrite(str(images / name), np.zeros((height, width, 3)))

    def write(kind: str) -> Path:
        """Labels of all images; returns their folder or file."""
        labels = tmp_path / 'labels'
        if kind == 'cvat':
            labels.write_text(to_cvat())
            return labels
        make, suffix = FORMATS[kind]
        for name, boxes in BOXES.items():
            path = (labels / name).with_suffix(suffix)
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(make(*SIZES[name], boxes))
        return labels

    def convert(kind: str, *argv) -> tuple:
        """Returns what was printed, and the COCO file."""
        if kind == 'yolo' and '--classes' not in argv:
            (tmp_path / 'names.txt').write_text('dog\ncat\n\n')
            argv += '--classes', tmp_path / 'names.txt'
        printed = tool('boxes_to_coco', '--format', kind, tmp_path / 'labels',
                       images, out, *argv)
        return printed, load_coco(str(out))

    return SimpleNamespace(
        write=write, convert=convert, images=images, out=out)


def boxes_of(coco: dict) -> dict:
    """Classes and boxes (xyxy) by file name of the image."""
    names = {cat['id']: cat['name'] for cat in coco['categories']}
    files = {img['id']: img['file_name'] for img in coco['images']}
    boxes = {name: [] for name in files.values()}
    for ann in coco['annotations']:
        x, y, w, h = ann['bbox']
        boxes[files[ann['image_id']]].append(
            (names[ann['category_id']], (x, y, x + w, y + h)))
    return boxes


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


BROKEN = [
    ('yolo', '0 .5 .5 .1', 'line 1 is not `class x y width height`'),
    ('yolo', '\n0 .1 .1 .2 .1 .2 .2 .1 .2', 'line 2 .*segmentation'),
    ('yolo', '0 .5 .5 .1 wide', 'line 1 is not'),
    ('yolo', '0 35 30 10 10', r'line 1 .*outside \[0, 1\] .*pixels'),
    ('yolo', '0 .5 .5 inf .1', r'outside \[0, 1\]'),
    ('yolo', '0.5 .5 .5 .1 .1', 'line 1: class 0.5 is not a whole number'),
    ('yolo', b'\xff\xfe\xff', 'is not UTF-8'),
    ('labelme', '{"shapes": [', 'a.json is not valid JSON'),
    ('labelme', '[]', 'not a labelme file'),
    ('labelme', '{"shapes": [{}], "imageHeight": 60, "imageWidth": 70}',
     r'shape \[0\] is not a rectangle'),
    ('labelme', '{"shapes": [{"label": "dog", "shape_type": "rectangle", '
     '"points": [[1], [2]]}], "imageHeight": 60, "imageWidth": 70}',
     r'shape \[0\] is not a rectangle'),
    ('labelme', '{"shapes": [], "imageHeight": 70, "imageWidth": 60}',
     'image of 60x70 pixels, it has 70x60 .*EXIF'),
    ('voc', '<annotation><object>', 'a.xml is not valid XML'),
    ('voc', '<a><object><name/></object></a>', r'object \[0\] has no `name`'),
    ('voc', '<a><object><name>dog</name><bndbox><xmin>a</xmin></bndbox>'
     '</object></a>', 'no `bndbox` with the numbers'),
    ('voc', '<a><object><name>dog</name><attributes><attribute><name>rotation'
     '</name><value>left</value></attribute></attributes></object></a>',
     r"object \[0\]: rotation 'left' is not a number"),
    ('voc', '<a><size><width>7</width><height>6</height></size></a>',
     'image of 7x6 pixels'),
]


@pytest.mark.parametrize('kind, content, message', BROKEN)
def test_broken_labels(tree, kind, content, message):
    path = (tree.write(kind) / 'a').with_suffix(FORMATS[kind][1])
    path.write_bytes(
        content if isinstance(content, bytes) else content.encode())
    with pytest.raises(
            SystemExit, match=f'(?s)1 of 2 files .* a.jpg: .*{message}'):
        tree.convert(kind)
    assert not tree.out.exists()


@pytest.mark.parametrize('content, message', [
    ('<annotations><image', 'not valid XML'),
    ('<annotations><track id="0"/></annotations>', 'CVAT for images 1.1'),
    ('<annotations/>', 'has tracks or no images'),
    ('<a><image name="a.jpg"/><image name="a.jpg"/></a>', 'more than once'),
    ('<a><image name="z.jpg"/></a>',
     '(?s)1 of 1 files .*z.jpg: .*no such image'),
    ('<a><image name="a.jpg" width="7" height="6"/></a>', 'of 7x6 pixels'),
    ('<a><image name="a.jpg"><box label="dog"/></image></a>',
     r'a.jpg: box \[0\] has no `label`, xtl'),
])
def test_broken_cvat(tree, content, message):
    tree.write('cvat').write_text(content)
    with pytest.raises(SystemExit, match=f'(?s){message}'):
        tree.convert('cvat')


def test_broken_image(tree):
    tree.write('yolo')
    (tree.images / 'a.jpg').write_bytes(b'')
    with pytest.raises(SystemExit, match='a.jpg cannot be read as an image'):
        tree.convert('yolo')


@pytest.mark.parametrize('text', ['1', '1.0', '1e+00', '+1', '01'])
def test_class_numbers_of_yolo(tree, text):
    (tree.write('yolo') / 'a.txt').write_text(f'{text} .5 .5 1 1\n')
    assert boxes_of(tree.convert('yolo')[1])['a.jpg'] == [('cat', (0, 0, 70,
                                                                   60))]


def test_yolo_coordinates_a_little_outside(tree):
    lines = ('-0.0004 .5 .5 1', '1.02 .5 .2 1', '.5 .5 0 .1', '.5 .5 nan .1',
             '1.3 .5 .1 .1')
    (tree.write('yolo') / 'a.txt').write_text(''.join(f'0 {line}\n'
                                                      for line in lines))
    printed, coco = tree.convert('yolo')
    for text in ('2 objects clipped: box that leaves its image: a.jpg line 1',
                 '2 objects left out: box without area, with swapped corners, '
                 'NaN or infinite: a.jpg line 3, a.jpg line 4',
                 '1 objects left out: box outside its image: a.jpg line 5'):
        assert text in printed
    boxes = [box for _, box in boxes_of(coco)['a.jpg']]
    assert boxes == [(0, 0, 17.47, 60), (64.4, 0, 70, 60)]


@pytest.mark.parametrize('suffix', ['.tif', '.webp', '.JPG', '.PNG', '.bmp'])
def test_image_suffixes(tree, suffix):
    tree.write('yolo')
    image = cv2.imread(str(tree.images / 'a.jpg'))
    (tree.images / 'a.jpg').unlink()
    content = cv2.imencode(suffix.lower(), image)[1]
    (tree.images / f'a{suffix}').write_bytes(content.tobytes())
    boxes = boxes_of(tree.convert('yolo')[1])
    assert boxes[f'a{suffix}'] == BOXES['a.jpg']


def test_cvat_names_without_suffix(tree):
    """CVAT names the frames of a video in this way."""
    path = tree.write('cvat')
    text = path.read_text().replace('"a.jpg"', '"a"')
    path.write_text(text.replace('deep/b.png', 'deep/b.PNG'))
    assert boxes_of(tree.convert('cvat')[1]) == BOXES
    cv2.imwrite(str(tree.images / 'a.png'), np.zeros((60, 70, 3)))
    with pytest.raises(SystemExit, match='several images'):
        tree.convert('cvat')


def test_two_labels_for_one_image(tree):
    labels = tree.write('yolo')
    (labels / 'a.jpg.txt').write_text('')
    with pytest.raises(SystemExit, match='one for several: a.jpg'):
        tree.convert('yolo')
    (labels / 'a.jpg.txt').write_text((labels / 'a.txt').read_text())
    (labels / 'a.txt').unlink()
    (labels / 'deep/b.txt').rename(labels / 'deep/b.TXT')
    assert boxes_of(tree.convert('yolo')[1]) == BOXES


BNDBOX = ('<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}'
          '</ymax></bndbox>')


def test_other_objects_of_voc(tree):
    """Objects that roLabelImg, CVAT and Roboflow write."""
    polygon = '<polygon><x1>1</x1><y1>1</y1></polygon>'
    rotation = ('<attributes><attribute><name>rotation</name><value>30.0'
                '</value></attribute></attributes>')
    contents = [
        '<type>robndbox</type><robndbox><cx>9</cx><angle>.3</angle>'
        '</robndbox>', rotation + BNDBOX.format(2, 2, 9, 9), polygon,
        '<bndbox/>', '', polygon + BNDBOX.format('11.0', ' 21 ', '3e1', 40),
        BNDBOX.format(-4, 6, 10, 99)
    ]
    objects = ''.join(f'<object><name>dog</name>{content}</object>'
                      for content in contents)
    (tree.write('voc') / 'a.xml').write_text(
        '<annotation><size><width>70.0</width><height> 60 </height></size>'
        f'{objects}</annotation>')
    printed, coco = tree.convert('voc')
    for text in ('2 objects left out: rotated box: a.jpg object [0], a.jpg '
                 'object [1]',
                 '1 objects left out: polygon (not a box): a.jpg object [2]',
                 '2 objects left out: object without a box: a.jpg object [3]',
                 '1 objects clipped: box that leaves its image: a.jpg object '
                 '[6]'):
        assert text in printed
    assert boxes_of(coco)['a.jpg'] == [('dog', (10, 20, 30, 40)),
                                       ('dog', (0, 5, 10, 60))]


@pytest.mark.parametrize('kind, old, new', [
    ('voc', '<width>70<', '<width>wide<'),
    ('cvat', 'width="70"', 'width="wide"'),
    ('labelme', '"imageWidth": 70', '"imageWidth": "wide"'),
])
def test_size_that_is_not_a_number(tree, kind, old, new):
    path = tree.write(kind)
    path = path if kind == 'cvat' else (path /
                                        'a').with_suffix(FORMATS[kind][1])
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(SystemExit, match="'wide' x .*, which are not numbers"):
        tree.convert(kind)


@pytest.mark.parametrize('text', [
    'names: [yes, on, 007, 1.10, null]',
    'names:\n  0: yes\n  1: on\n  2: 007\n  3: 1.10\n  4: null\n'
])
def test_class_names_stay_as_they_are_written(tree, tmp_path, text):
    path = tmp_path / 'data.yaml'
    path.write_text(text)
    tree.write('yolo')
    coco = tree.convert('yolo', '--classes', path)[1]
    names = [cat['name'] for cat in coco['categories']]
    assert names == ['yes', 'on', '007', '1.10', 'null']


@pytest.mark.parametrize('text', [
    'names: coco.yaml', 'names: [[dog], cat]', 'names: {0: dog, cat: 1}',
    'names: ["", dog]', '- dog'
])
def test_names_of_another_form(tree, tmp_path, text):
    path = tmp_path / 'data.yaml'
    path.write_text(text)
    tree.write('yolo')
    with pytest.raises(SystemExit, match='data.yaml has no class names'):
        tree.convert('yolo', '--classes', path)


def test_labelme_of_2018(tree):
    """It wrote no image size; shapes without a type were polygons."""
    path = tree.write('labelme') / 'a.json'
    content = json.loads(path.read_text())
    del content['imageHeight'], content['imageWidth'], content['version']
    content['shapes'].append(
        dict(label='dog', points=[[1, 1], [9, 1], [5, 9]], line_color=None))
    path.write_text(json.dumps(content))
    printed, coco = tree.convert('labelme')
    assert (
        '1 objects left out: polygon (not a box): a.jpg shape [2]') in printed
    assert boxes_of(coco) == BOXES


def cut(path: Path, lost: int) -> None:
    path.write_bytes(path.read_bytes()[:-lost])


def test_jpeg_that_was_cut_short(tree):
    tree.write('voc')
    cut(tree.images / 'a.jpg', 20)
    printed, coco = tree.convert('voc')
    assert printed.count('1 images are cut short, missing pixels are grey: '
                         'a.jpg') == 1
    assert boxes_of(coco) == BOXES


def test_skip_broken(tree):
    labels = tree.write('labelme')
    for name in ('c', 'd'):
        (labels / f'{name}.json').write_text((labels / 'a.json').read_text())
    (labels / 'a.json').write_text('{')
    cut(tree.images / 'deep/b.png', 20)
    cv2.imwrite(str(tree.images / 'c.png'), np.zeros((60, 70, 3)))
    with pytest.raises(
            SystemExit, match='(?s)1 of 4 files .*skip.*d: .*no su'):
        tree.convert('labelme')
    printed, coco = tree.convert('labelme', '--skip-broken')
    for text in ('1 of 4 files left out, they cannot be used:\n  d: ',
                 '2 of 3 files left out, they cannot be used:\n  a.jpg: ',
                 'a.json is not valid JSON', 'deep/b.png cannot be read'):
        assert text in printed
    assert boxes_of(coco) == {'c.png': BOXES['a.jpg']}
