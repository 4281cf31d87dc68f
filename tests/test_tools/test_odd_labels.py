"""boxes_to_coco.py on broken labels and on what other programs write."""
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from label_formats import BOXES, FORMATS, boxes_of

BROKEN = [
    ('yolo', '0 .5 .5 .1', 'line 1 is not `class x y width height`'),
    ('yolo', '\n0 .1 .1 .2 .1 .2 .2 .1 .2', 'line 2 .*segmentation'),
    ('yolo', '0 .5 .5 .1 wide', 'line 1 is not'),
    ('yolo', '0 35 30 10 10', r'line 1 .*outside \[0, 1\] .*pixels'),
    ('yolo', '0 .5 .5 inf .1', r'outside \[0, 1\]'),
    ('yolo', '0.5 .5 .5 .1 .1', 'line 1: class 0.5 is not an integer'),
    ('yolo', b'\xff\xfe\xff', 'is not UTF-8'),
    ('labelme', '{"shapes": [', 'a.json is not valid JSON'),
    ('labelme', '[]', 'not a labelme file'),
    ('labelme', '{"shapes": [{}], "imageHeight": 60, "imageWidth": 70}',
     r'shape \[0\] is not a rectangle'),
    ('labelme', '{"shapes": [{"label": "dog", "shape_type": "rectangle", '
     '"points": [[1], [2]]}], "imageHeight": 60, "imageWidth": 70}',
     r'shape \[0\] is not a rectangle'),
    ('labelme', '{"shapes": [], "imageHeight": 70, "imageWidth": 60}',
     'state 60x70 pixels, but the image has 70x60 .*EXIF'),
    ('voc', '<annotation><object>', 'a.xml is not valid XML'),
    ('voc', '<a><object><name/></object></a>', r'object \[0\] has no `name`'),
    ('voc', '<a><object><name>dog</name><bndbox><xmin>a</xmin></bndbox>'
     '</object></a>', 'no `bndbox` with the numbers'),
    ('voc', '<a><object><name>dog</name><attributes><attribute><name>rotation'
     '</name><value>left</value></attribute></attributes></object></a>',
     r"object \[0\]: rotation 'left' is not a number"),
    ('voc', '<a><size><width>7</width><height>6</height></size></a>',
     'state 7x6 pixels'),
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
    ('<a><image name="a.jpg" width="7" height="6"/></a>', 'state 7x6 pixels'),
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
    with pytest.raises(SystemExit, match='one image for several: a.jpg'):
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
    assert printed.count('1 images are cut short; their missing pixels are '
                         'grey: a.jpg') == 1
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
