"""Read the boxes of other annotation tools, one reader per format.

A reader takes the labels of one image and its size, ``(height, width)``. It
returns the objects, or raises an InputError that names the broken object.
"""
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple, Union
from xml.etree.ElementTree import Element, ParseError, parse

import yaml

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import load_json

Label = Union[str, int]
Size = Tuple[int, int]
ROTATED = 'left out: rotated box'
VOC_CORNERS = ('xmin', 'ymin', 'xmax', 'ymax')


class Item(NamedTuple):
    """An object of an image.

    Attributes:
        name (str): Its name for messages.
        left_out (str): Why it is left out; '' if it has a label and a box.
        label (str | int): Its class, a number in YOLO.
        box (Sequence[float]): Its box in pixels, xyxy.
    """
    name: str
    left_out: str = ''
    label: Label = ''
    box: Sequence[float] = ()


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, with or without a byte order mark."""
    try:
        return path.read_text('utf-8-sig')
    except UnicodeDecodeError as error:
        raise InputError(f'{path} is not UTF-8 text: save it as UTF-8.') \
            from error


def read_xml(path: Path) -> Element:
    """Read an XML file."""
    try:
        return parse(path).getroot()
    except ParseError as error:
        raise InputError(f'{path} is not valid XML: {error}') from None


def check_size(height: object, width: object, size: Size) -> None:
    """Raise InputError if labels state another size than the image's.

    ``height`` and ``width`` are numbers or strings; empty, 0 or None if the
    labels do not state them.
    """
    try:
        stated = [float(value or 0) for value in (height, width)]
    except (TypeError, ValueError):
        raise InputError(f'the labels state the size {width!r} x {height!r}, '
                         'which are not numbers') from None
    if any(value not in (0, real) for value, real in zip(stated, size)):
        raise InputError(
            f'the labels state {stated[1]:g}x{stated[0]:g} pixels, but the '
            f'image has {size[1]}x{size[0]} (was it replaced, or is it '
            'rotated by its EXIF orientation?)')


def read_yolo(path: Path, size: Size) -> List[Item]:
    """Read the YOLO label file of an image.

    Every line is ``class x y width height``. The class is an integer, and x
    and y are the centre. All four numbers are fractions of the image's width
    and height. They may be a little outside [0, 1].
    """
    items, (height, width) = [], size
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        name = f'line {number}'
        try:
            label, x, y, w, h = map(float, line.split())
        except ValueError:
            raise InputError(
                f'{name} is not `class x y width height`, five numbers (is '
                'it for segmentation, or for rotated boxes?)') from None
        if not label.is_integer():
            raise InputError(f'{name}: class {label:g} is not an integer')
        if max(map(abs, (x, y, w, h))) > 2:
            raise InputError(f'{name} has numbers far outside [0, 1] (are '
                             'they pixels?)')
        box = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width,
               (y + h / 2) * height]
        items.append(Item(name, '', int(label), box))
    return items


def read_labelme(path: Path, size: Size) -> List[Item]:
    """Read the labelme JSON file of an image.

    Before 2019 labelme wrote neither the size of the image nor the type of a
    shape, which was always a polygon.
    """
    items, content = [], load_json(str(path))
    if not isinstance(content, dict) or not isinstance(
            content.get('shapes'), list):
        raise InputError('it is not a labelme file: it has no `shapes`')
    check_size(content.get('imageHeight'), content.get('imageWidth'), size)
    for i, shape in enumerate(content['shapes']):
        name = f'shape [{i}]'
        try:
            label = str(shape['label'])
            kind = shape.get('shape_type') or 'polygon'
            if kind != 'rectangle':
                items.append(Item(name, f'left out: {kind} (not a box)'))
                continue
            # labelme allows the two corners in any order.
            xs, ys = zip(*shape['points'])
            box = [float(f(v)) for f in (min, max) for v in (xs, ys)]
        except (AttributeError, KeyError, TypeError, ValueError):
            raise InputError(f'{name} is not a rectangle with `label`, '
                             '`shape_type` and `points`') from None
        items.append(Item(name, '', label, box))
    return items


def read_voc(path: Path, size: Size, zero_based: bool = False) -> List[Item]:
    """Read the Pascal VOC XML file of an image.

    VOC counts pixels from 1 and includes the last one. With ``zero_based``
    the numbers are used as they are.
    """
    items, root = [], read_xml(path)
    check_size(root.findtext('size/height'), root.findtext('size/width'), size)
    for i, node in enumerate(root.findall('object')):
        name = f'object [{i}]'
        label = node.findtext('name', '').strip()
        if not label:
            raise InputError(f'{name} has no `name`')
        left_out = _not_a_voc_box(node, name)
        box = () if left_out else _voc_box(node, name, zero_based)
        items.append(Item(name, left_out, label, box))
    return items


def _not_a_voc_box(node: Element, name: str) -> str:
    """Why an object of VOC has no usable `bndbox`; '' if it has one.

    roLabelImg writes `robndbox`, CVAT the attribute `rotation`. An object
    with a polygon may have a `bndbox`, which is then used.
    """
    rotations = [
        _is_rotated(attribute.findtext('value'), name)
        for attribute in node.findall('attributes/attribute')
        if attribute.findtext('name') == 'rotation'
    ]
    if node.find('robndbox') is not None or any(rotations):
        return ROTATED
    if any(node.findtext(f'bndbox/{c}', '').strip() for c in VOC_CORNERS):
        return ''
    if node.find('polygon') is not None:
        return 'left out: polygon (not a box)'
    return 'left out: object without a box'


def _voc_box(node: Element, name: str, zero_based: bool) -> List[float]:
    try:
        box = [float(node.findtext(f'bndbox/{c}')) for c in VOC_CORNERS]
    except (TypeError, ValueError):
        raise InputError(f'{name} has no `bndbox` with the numbers '
                         f'{", ".join(VOC_CORNERS)}') from None
    if zero_based:
        return box
    # A negative corner is allowed: the box leaves its image.
    for corner in box[:2]:
        if 0 <= corner < 1:
            raise InputError(f'{name} starts at {corner:g}, but VOC counts '
                             'pixels from 1: add --zero-based')
    return [box[0] - 1, box[1] - 1, *box[2:]]


def _is_rotated(angle: Optional[str], name: str) -> bool:
    try:
        return float(angle or 0) != 0
    except ValueError:
        raise InputError(f'{name}: rotation {angle!r} is not a number') \
            from None


def read_cvat(node: Element, size: Size) -> List[Item]:
    """Read an ``image`` of "CVAT for images 1.1"."""
    items = []
    check_size(node.get('height'), node.get('width'), size)
    for i, shape in enumerate(node):
        name = f'{shape.tag} [{i}]'
        if shape.tag != 'box':
            items.append(Item(name, f'left out: {shape.tag} (not a box)'))
        elif _is_rotated(shape.get('rotation'), name):
            items.append(Item(name, ROTATED))
        else:
            corners = map(shape.get, ('xtl', 'ytl', 'xbr', 'ybr'))
            try:
                box = [float(corner) for corner in corners]
                items.append(Item(name, '', shape.attrib['label'], box))
            except (KeyError, TypeError, ValueError):
                raise InputError(f'{name} has no `label`, xtl, ytl, xbr, '
                                 'ybr') from None
    return items


def read_cvat_file(path: Path) -> Dict[str, Element]:
    """Nodes of the images in a file of "CVAT for images 1.1", by name."""
    root = read_xml(path)
    nodes = root.findall('image')
    images = {node.get('name', ''): node for node in nodes}
    if root.find('track') is not None or not nodes:
        raise InputError(f'{path} has tracks or no images: export the task '
                         'from CVAT as "CVAT for images 1.1".')
    if len(images) < len(nodes):
        raise InputError(f'{path} names {len(nodes) - len(images)} images '
                         'more than once: remove the duplicates.')
    return images


def read_classes(path: Path) -> List[str]:
    """Read class names from a data.yaml of YOLO or a text file."""
    text = read_text(path)
    if path.suffix.lower() in ('.yaml', '.yml'):
        names = _names_of_yaml(text, path)
    else:
        names = [line.strip() for line in text.splitlines() if line.strip()]
    if not names or len(set(names)) < len(names):
        raise InputError(
            f'{path} has no class names (`names:` in a YAML file, otherwise '
            'one name per line), or a name twice, or not all numbers from 0.')
    return names


def _names_of_yaml(text: str, path: Path) -> List[str]:
    """The list or mapping `names`; empty if it is not complete."""
    try:
        # BaseLoader keeps strings: yes, 007 and 1.10 are names.
        content = yaml.load(text, yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise InputError(f'{path} is not valid YAML: {error}') from error
    names = content.get('names') if isinstance(content, dict) else None
    if isinstance(names, dict):
        names = [names.get(str(i)) for i in range(len(names))]
    usable = isinstance(names, list) and all(
        isinstance(name, str) and name for name in names)
    return names if usable else []


# The formats of boxes_to_coco.py: readers, and suffixes of the label files.
READERS = dict(
    yolo=read_yolo, labelme=read_labelme, voc=read_voc, cvat=read_cvat)
SUFFIXES = dict(yolo='.txt', labelme='.json', voc='.xml')
