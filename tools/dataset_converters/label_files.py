"""Read the boxes of other annotation tools, one reader per format.

A reader takes the labels of one image and its size, ``(height, width)``. It
returns :class:`Labels`, or raises an InputError that names the object.
"""
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Tuple, Union
from xml.etree import ElementTree

import yaml

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import load_json

Size = Tuple[int, int]
ROTATED = 'left out: rotated box'


@dataclass
class Labels:
    """Objects of one image.

    Attributes:
        boxes (list[tuple]): Class, box in pixels (x0, y0, x1, y1) and name
            for messages of each object. YOLO's classes are numbers.
        left_out (dict[str, list[str]]): Names of objects that are not
            boxes, by reason.
    """
    boxes: List[Tuple[Union[str, int], List[float],
                      str]] = field(default_factory=list)
    left_out: Dict[str, List[str]] = field(
        default_factory=lambda: defaultdict(list))


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, with or without a byte order mark."""
    try:
        return path.read_text('utf-8-sig')
    except UnicodeDecodeError as error:
        raise InputError(f'{path} is not UTF-8 text: save it as UTF-8.') \
            from error


def read_xml(path: Path) -> ElementTree.Element:
    """Read an XML file."""
    try:
        return ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise InputError(f'{path} is not valid XML: {error}') from None


def check_size(height: object, width: object, size: Size) -> None:
    """Raise InputError if labels state a size other than the image's.

    ``height`` and ``width`` are numbers or texts; empty, 0 or None if the
    labels do not state them.
    """
    try:
        stated = [float(value or 0) for value in (height, width)]
    except (TypeError, ValueError):
        raise InputError(f'the labels state the size {width!r} x {height!r}, '
                         'which are not numbers') from None
    if any(value not in (0, real) for value, real in zip(stated, size)):
        raise InputError(
            f'the labels are of an image of {stated[1]:g}x{stated[0]:g} '
            f'pixels, it has {size[1]}x{size[0]} (was it replaced, or is it '
            'rotated by its EXIF orientation?)')


def read_yolo(path: Path, size: Size) -> Labels:
    """Read the text file of an image as YOLO writes it.

    Every line is ``class x y width height``. The class is a whole number, x
    and y are the centre, all four are fractions of the image's width and
    height. They may be a little outside [0, 1].
    """
    labels, (height, width) = Labels(), size
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
            raise InputError(f'{name}: class {label:g} is not a whole number')
        if max(map(abs, (x, y, w, h))) > 2:
            raise InputError(f'{name} has numbers far outside [0, 1] (are '
                             'they pixels?)')
        box = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width,
               (y + h / 2) * height]
        labels.boxes.append((int(label), box, name))
    return labels


def read_labelme(path: Path, size: Size) -> Labels:
    """Read the JSON file of an image as labelme writes it.

    Before 2019 labelme wrote neither the size of the image nor the type of a
    shape, which was always a polygon.
    """
    labels, content = Labels(), load_json(str(path))
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
                labels.left_out[f'left out: {kind} (not a box)'].append(name)
                continue
            xs, ys = zip(*shape['points'])
            box = [float(f(v)) for f in (min, max) for v in (xs, ys)]
        except (AttributeError, KeyError, TypeError, ValueError):
            raise InputError(f'{name} is not a rectangle with `label`, '
                             '`shape_type` and `points`') from None
        labels.boxes.append((label, box, name))
    return labels


def read_voc(path: Path, size: Size, zero_based: bool = False) -> Labels:
    """Read the XML file of an image as Pascal VOC writes it.

    VOC counts pixels from 1 and includes the last one. With ``zero_based``
    the numbers are used as they are.
    """
    labels, root = Labels(), read_xml(path)
    check_size(root.findtext('size/height'), root.findtext('size/width'), size)
    for i, node in enumerate(root.findall('object')):
        name = f'object [{i}]'
        label = node.findtext('name', '').strip()
        if not label:
            raise InputError(f'{name} has no `name`')
        reason = _not_a_voc_box(node)
        if reason:
            labels.left_out[reason].append(name)
            continue
        try:
            box = [float(node.findtext(f'bndbox/{c}')) for c in VOC_CORNERS]
        except (TypeError, ValueError):
            raise InputError(f'{name} has no `bndbox` with the numbers '
                             f'{", ".join(VOC_CORNERS)}') from None
        if not zero_based:
            # A negative corner only shows that a box leaves its image.
            if any(0 <= corner < 1 for corner in box[:2]):
                raise InputError(f'{name} starts at {min(box[:2]):g}, but VOC '
                                 'counts pixels from 1: add --zero-based')
            box = [box[0] - 1, box[1] - 1, *box[2:]]
        labels.boxes.append((label, box, name))
    return labels


VOC_CORNERS = ('xmin', 'ymin', 'xmax', 'ymax')


def _not_a_voc_box(node: ElementTree.Element) -> Optional[str]:
    """Why an object of VOC has no usable `bndbox`; None if it has one.

    roLabelImg writes `robndbox`, CVAT the attribute `rotation`; objects with
    a polygon may have a `bndbox`, which is then used.
    """
    rotation = [
        attribute.findtext('value')
        for attribute in node.findall('attributes/attribute')
        if attribute.findtext('name') == 'rotation'
    ]
    if node.find('robndbox') is not None or _is_rotated(*rotation):
        return ROTATED
    if any(node.findtext(f'bndbox/{c}', '').strip() for c in VOC_CORNERS):
        return None
    if node.find('polygon') is not None:
        return 'left out: polygon (not a box)'
    return 'left out: object without a box'


def _is_rotated(angle: Optional[str] = None) -> bool:
    try:
        return bool(float(angle or 0))
    except ValueError:
        raise InputError(f'rotation {angle!r} is not a number') from None


def read_cvat(node: ElementTree.Element, size: Size) -> Labels:
    """Read an ``image`` of "CVAT for images 1.1"."""
    labels = Labels()
    check_size(node.get('height'), node.get('width'), size)
    for i, shape in enumerate(node):
        name = f'{shape.tag} [{i}]'
        if shape.tag != 'box':
            labels.left_out[f'left out: {shape.tag} (not a box)'].append(name)
        elif _is_rotated(shape.get('rotation')):
            labels.left_out[ROTATED].append(name)
        else:
            try:
                box = [
                    float(shape.attrib[key])
                    for key in ('xtl', 'ytl', 'xbr', 'ybr')
                ]
                labels.boxes.append((shape.attrib['label'], box, name))
            except (KeyError, ValueError):
                raise InputError(f'{name} has no `label`, xtl, ytl, xbr, '
                                 'ybr') from None
    return labels


def read_cvat_file(path: Path) -> Dict[str, ElementTree.Element]:
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
    """Read class names from data.yaml of YOLO or from a text file.

    They are returned in their order, exactly as they are written.
    """
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
        # BaseLoader keeps texts: yes, 007 and 1.10 are names.
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
