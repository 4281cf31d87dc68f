"""Proxy masks in the XML of CVAT ("CVAT for images 1.1"), and back.

A mask is stored as runs of its rows inside a box. The attribute
``annotation_id`` tells which shapes belong to one object.
"""
from typing import Dict, List, Optional, Tuple
from xml.etree.ElementTree import Element, SubElement

import numpy as np
from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import segmentation_problem
from mmboxcaseg.structures import (decode_window, encode_window, run_lengths,
                                   to_rle)
from .corrections import (ATTRIBUTES, ID, OTHER_SHAPE, DrawnMasks, is_shown,
                          known_of, outlines)
from .review import SOURCE as HUMAN


def cvat_root(names: List[str]) -> Element:
    """Make the root element of a file, without images.

    Args:
        names (list[str]): All classes.

    Returns:
        Element: Append the images of :func:`to_cvat` to it.
    """
    root = Element('annotations')
    SubElement(root, 'version').text = '1.1'
    labels = SubElement(SubElement(SubElement(root, 'meta'), 'task'), 'labels')
    for name in names:
        label = SubElement(labels, 'label')
        SubElement(label, 'name').text = name
        attributes = SubElement(label, 'attributes')
        for key in (ID, *ATTRIBUTES):
            attribute = SubElement(attributes, 'attribute')
            for tag, text in dict(
                    name=key,
                    mutable='False',
                    input_type='text',
                    default_value='',
                    values='').items():
                SubElement(attribute, tag).text = text
    return root


def to_cvat(number: int, img: dict, annotations: List[dict],
            names: Dict[int, str], tolerance: Optional[float]) -> Element:
    """Write the annotations of an image.

    An annotation becomes a box if it has no mask, or if its mask is empty or
    was dropped in a review.

    Args:
        number (int): Position of the image.
        img (dict): The image, with ``file_name``, ``height`` and ``width``.
        annotations (list[dict]): Its annotations.
        names (dict[int, str]): Class names by category id.
        tolerance (float, optional): Tolerance of polygons, see
            :func:`outlines`. None: write masks.

    Returns:
        Element: The ``image``.
    """
    size = dict(width=str(img['width']), height=str(img['height']))
    node = Element('image', id=str(number), name=img['file_name'], **size)
    for ann in annotations:
        is_human = ann.get('mask_source') == HUMAN
        common = dict(
            label=names[ann['category_id']],
            source='manual' if is_human else 'auto',
            occluded='0',
            z_order='0')
        for tag, place in _shapes(ann, tolerance):
            shape = SubElement(node, tag, **common, **place)
            for key, text in known_of(ann).items():
                SubElement(shape, 'attribute', name=key).text = text
    return node


def from_cvat(node: Element, img: dict, annotations: List[dict],
              names: Dict[int, str],
              tolerance: Optional[float]) -> Tuple[List[dict], dict]:
    """Find the masks that were corrected in CVAT.

    Args:
        node (Element): The ``image``.
        img, annotations, names: Those of the exported proxy file, see
            :func:`to_cvat`.
        tolerance (float, optional): The one of the export.

    Returns:
        tuple: Records of the corrected masks for :meth:`ProxyWriter.append`;
        and ``ignored`` of :class:`DrawnMasks`.

    Raises:
        InputError: A shape is broken. The message names it.
    """
    drawn = DrawnMasks(img, annotations, names)
    for i, shape in enumerate(node):
        name = f'{img["file_name"]} {shape.tag} [{i}]'
        if shape.tag == 'mask':
            segmentation = _read_mask(shape, img, name)
        elif shape.tag == 'polygon':
            segmentation = _read_polygon(shape, name)
        else:
            if shape.tag != 'box':
                drawn.ignored[OTHER_SHAPE].append(name)
            continue
        ids = [a.text for a in shape if a.get('name') == ID]
        drawn.add((ids or [None])[0], shape.get('label'), name, segmentation)
    return drawn.corrected(tolerance), dict(drawn.ignored)


def _shapes(ann: dict, tolerance: Optional[float]) -> List[Tuple[str, dict]]:
    """Tag and place of every shape of an annotation."""
    if not is_shown(ann):
        x, y, w, h = ann['bbox']
        corners = dict(xtl=x, ytl=y, xbr=x + w, ybr=y + h)
        return [('box', {k: f'{v:.2f}' for k, v in corners.items()})]
    if tolerance is None:
        return [('mask', _mask_place(ann['segmentation']))]
    return [
        ('polygon',
         dict(points=';'.join(f'{x:.2f},{y:.2f}'
                              for x, y in zip(polygon[::2], polygon[1::2]))))
        for polygon in outlines(ann, tolerance)
    ]


def _mask_place(rle: dict) -> Dict[str, str]:
    """Box of a mask, and the runs of its rows, background first."""
    x, y, w, h = (int(v) for v in mask_utils.toBbox(rle))
    mask = decode_window(rle, np.array([x, y, x + w, y + h]))
    # COCO counts along columns, CVAT along rows: so transpose the mask.
    rows = encode_window(mask.T, np.array([0, 0, h, w]), w, h)
    runs = ', '.join(map(str, run_lengths(rows['counts'])))
    place = dict(left=x, top=y, width=w, height=h)
    return dict(rle=runs, **{key: str(v) for key, v in place.items()})


def _read_mask(shape: Element, img: dict, name: str) -> dict:
    """Compressed RLE of the image."""
    try:
        x, y, w, h = (
            int(shape.attrib[k]) for k in ('left', 'top', 'width', 'height'))
        runs = [int(run) for run in shape.attrib['rle'].split(',')]
    except (KeyError, ValueError):
        raise InputError(f'{name} needs `rle`, `left`, `top`, `width` and '
                         '`height` with integers: export it from CVAT '
                         'again.') from None
    problem = 'it leaves its image'
    if min(x, y) >= 0 and x + w <= img['width'] and y + h <= img['height']:
        problem = segmentation_problem(
            dict(size=[w, h], counts=runs), dict(height=w, width=h))
    if problem:
        raise InputError(f'{name}: {problem}. Export it from CVAT again.')
    # CVAT's runs go along rows: they are the columns of the transposed mask.
    rows = to_rle(dict(size=[w, h], counts=runs), w, h)
    mask = decode_window(rows, np.array([0, 0, h, w])).T
    window = np.array([x, y, x + w, y + h])
    return encode_window(mask, window, img['height'], img['width'])


def _read_polygon(shape: Element, name: str) -> List[List[float]]:
    try:
        points = [
            float(number) for point in shape.attrib['points'].split(';')
            for number in point.split(',')
        ]
    except (KeyError, ValueError):
        points = []
    if len(points) < 6 or len(points) % 2:
        raise InputError(f'{name} needs `points` in the form x,y;x,y;x,y, '
                         'three or more: correct it in CVAT.')
    return [points]
