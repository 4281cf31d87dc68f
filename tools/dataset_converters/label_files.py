"""Boxes from the label files of other programs, one reader a format.

A reader takes what holds the labels of one image, and the size of that image,
``(height, width)``. It returns :class:`Labels` or raises a ValueError that
names the object.
"""
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Tuple
from xml.etree import ElementTree

import yaml

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import load_json

Size = Tuple[int, int]


@dataclass
class Labels:
    """Objects of one image.

    Attributes:
        boxes (list[tuple]): Class, box in pixels (x0, y0, x1, y1) and name
            for messages of each object.
        left_out (dict[str, list[str]]): Names of what is no box, by reason.
    """
    boxes: List[Tuple[str, List[float], str]] = field(default_factory=list)
    left_out: Dict[str, List[str]] = field(
        default_factory=lambda: defaultdict(list))


def read_text(path: Path) -> str:
    """Read a text file, with or without a byte order mark.

    Args:
        path (Path): The file.

    Returns:
        str: Its text.

    Raises:
        InputError: It is not UTF-8.
    """
    try:
        return path.read_text('utf-8-sig')
    except UnicodeDecodeError as error:
        raise InputError(f'{path} is not UTF-8 text: save it as such.') \
            from error


def read_yolo(path: Path, size: Size) -> Labels:
    """Read the text file of an image as YOLO has it.

    Every line is ``class x y width height``; the class is a number, x and y
    are the centre, all four are shares of the image's width and height.
    """
    labels, (height, width) = Labels(), size
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        name = f'line {number}'
        try:
            label, *values = line.split()
            x, y, w, h = map(float, values)
        except ValueError:
            raise InputError(
                f'{name} is not `class x y width height`, five numbers (is '
                'it of segmentation, or of oriented boxes?)') from None
        # A little more than 1 is rounding.
        if not all(0 <= value <= 1.01 for value in (x, y, w, h)):
            raise InputError(f'{name} has numbers outside [0, 1] (are they '
                             'pixels?)')
        box = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width,
               (y + h / 2) * height]
        labels.boxes.append((label, box, name))
    return labels


def read_labelme(path: Path, size: Size) -> Labels:
    """Read the JSON file of an image as labelme writes it."""
    labels, content = Labels(), load_json(str(path))
    try:
        stated = content['imageHeight'], content['imageWidth']
        shapes = list(enumerate(content['shapes']))
    except (KeyError, TypeError):
        raise InputError('it is no labelme file: it has no `shapes`, '
                         '`imageHeight` and `imageWidth`') from None
    _check_size(stated, size)
    for i, shape in shapes:
        name = f'shape [{i}]'
        try:
            label, kind = str(shape['label']), shape['shape_type']
            if kind != 'rectangle':
                labels.left_out[f'{kind} (no rectangle)'].append(name)
                continue
            xs, ys = zip(*shape['points'])
            box = [float(f(v)) for f in (min, max) for v in (xs, ys)]
        except (KeyError, TypeError, ValueError):
            raise InputError(f'{name} is no rectangle with `label`, '
                             '`shape_type` and `points`') from None
        labels.boxes.append((label, box, name))
    return labels


def read_voc(path: Path, size: Size, zero_based: bool = False) -> Labels:
    """Read the XML file of an image as Pascal VOC has it.

    VOC counts pixels from 1 and includes the last one. With ``zero_based``
    the numbers are taken as they are.
    """
    labels, root = Labels(), read_xml(path)
    stated = (
        int(root.findtext(f'size/{side}') or 0)
        for side in ('height', 'width'))
    _check_size(tuple(stated), size)
    for i, node in enumerate(root.findall('object')):
        name = f'object [{i}]'
        try:
            label = node.find('name').text.strip()
            box = [
                float(node.find(f'bndbox/{corner}').text)
                for corner in ('xmin', 'ymin', 'xmax', 'ymax')
            ]
        except (AttributeError, TypeError, ValueError):
            raise InputError(f'{name} has no `name`, or no `bndbox` with '
                             'xmin, ymin, xmax, ymax') from None
        if not zero_based:
            if min(box[:2]) < 1:
                raise InputError(f'{name} starts at {min(box[:2]):g}, but VOC '
                                 'counts pixels from 1: add --zero-based')
            box = [box[0] - 1, box[1] - 1, *box[2:]]
        labels.boxes.append((label, box, name))
    return labels


def read_cvat(node: ElementTree.Element, size: Size) -> Labels:
    """Read an ``image`` of "CVAT for images 1.1"."""
    labels = Labels()
    stated = int(node.get('height', 0)), int(node.get('width', 0))
    _check_size(stated, size)
    for i, shape in enumerate(node):
        name = f'{shape.tag} [{i}]'
        if shape.tag != 'box':
            labels.left_out[f'{shape.tag} (no box)'].append(name)
            continue
        if float(shape.get('rotation', 0)):
            labels.left_out['rotated box'].append(name)
            continue
        try:
            box = [
                float(shape.attrib[k]) for k in ('xtl', 'ytl', 'xbr', 'ybr')
            ]
            labels.boxes.append((shape.attrib['label'], box, name))
        except (KeyError, ValueError):
            raise InputError(f'{name} has no `label`, xtl, ytl, xbr, ybr') \
                from None
    return labels


def read_xml(path: Path) -> ElementTree.Element:
    """Read an XML file; raises ValueError if it is broken."""
    try:
        return ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise InputError(f'{path} is no valid XML: {error}') from None


def read_cvat_file(path: Path) -> Dict[str, ElementTree.Element]:
    """Read a file of "CVAT for images 1.1".

    Args:
        path (Path): The XML file.

    Returns:
        dict[str, ElementTree.Element]: Nodes of the images by their names.

    Raises:
        InputError: It is broken, of another format, or names an image twice.
    """
    root = read_xml(path)
    nodes = root.findall('image')
    images = {node.get('name', ''): node for node in nodes}
    if root.find('track') is not None or not nodes:
        raise InputError(f'{path} has tracks or no images: export the task '
                         'from CVAT as "CVAT for images 1.1".')
    if len(images) < len(nodes):
        raise InputError(f'{path} names {len(nodes) - len(images)} images '
                         'more than once: remove the others.')
    return images


def read_classes(path: Path) -> List[str]:
    """Read class names from data.yaml of YOLO or from a text file.

    Args:
        path (Path): The file.

    Returns:
        list[str]: Names in their order.

    Raises:
        InputError: It has none, or one twice, or leaves a number out, or
            is not of its format.
    """
    if path.suffix in ('.yaml', '.yml'):
        try:
            content = yaml.safe_load(read_text(path))
        except yaml.YAMLError as error:
            raise InputError(f'{path} is no valid YAML: {error}') from error
        names = content.get('names') if isinstance(content, dict) else None
        if isinstance(names, dict):
            names = [names.get(i) for i in range(len(names))]
    else:
        names = read_text(path).splitlines()
        names = [name.strip() for name in names if name.strip()]
    if not names or None in names or len(set(names)) < len(names):
        raise InputError(
            f'{path} has no class names (`names:` in a YAML file, else one a '
            'line), or one of them twice, or not every number from 0 on.')
    return [str(name) for name in names]


def _check_size(stated: Size, size: Size) -> None:
    """Compare a size with that of the image; 0 means that none is stated."""
    if stated != size and any(stated):
        raise InputError(
            f'the labels are of an image of {stated[1]}x{stated[0]} pixels, '
            f'it has {size[1]}x{size[0]} (was it replaced, or is it turned '
            'by its EXIF orientation?)')
