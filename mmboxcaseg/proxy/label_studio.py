"""Proxy masks as tasks of Label Studio, and back.

Brush masks need the package label-studio-sdk, which encodes and decodes them.
The id of a region contains the annotation id, and Label Studio keeps it.
"""
import re
from types import ModuleType
from typing import Dict, Iterable, List, Optional, Tuple
from xml.etree.ElementTree import Element, SubElement

import numpy as np
from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from mmboxcaseg.structures import encode_window
from .corrections import OTHER_SHAPE, DrawnMasks, is_shown, known_of, outlines

# Tags of the labelling interface, by type of the regions.
TAGS = dict(
    brushlabels='BrushLabels',
    polygonlabels='PolygonLabels',
    rectanglelabels='RectangleLabels')
REGION_ID = re.compile(r'annotation_(-?\d+)_\d+')


def label_config(names: Iterable[str]) -> Element:
    """Make the labelling interface for the tasks.

    Args:
        names (Iterable[str]): All classes.

    Returns:
        Element: The ``View``.
    """
    view = Element('View')
    SubElement(view, 'Image', name='image', value='$image')
    for kind, tag in TAGS.items():
        control = SubElement(view, tag, name=kind, toName='image')
        for name in names:
            SubElement(control, 'Label', value=name)
    return view


def to_label_studio(url: str, img: dict, annotations: List[dict],
                    names: Dict[int, str], tolerance: Optional[float]) -> dict:
    """Write the annotations of an image as a task.

    An annotation becomes a rectangle if it has no mask, or if its mask is
    empty or was dropped in a review.

    Args:
        url (str): URL of the image for Label Studio.
        img (dict): The image, with ``id``, ``height`` and ``width``.
        annotations (list[dict]): Its annotations.
        names (dict[int, str]): Class names by category id.
        tolerance (float, optional): Tolerance of polygons, see
            :func:`outlines`. None: write brush masks.

    Returns:
        dict: The task.

    Raises:
        InputError: Brush masks need a package that is not installed.
    """
    results = []
    size = img['height'], img['width']
    for ann in annotations:
        label = names[ann['category_id']]
        text = [f'{key} {value}' for key, value in known_of(ann).items()]
        for i, (kind, value) in enumerate(_regions(ann, size, tolerance)):
            results.append(
                dict(
                    id=f'annotation_{ann["id"]}_{i}',
                    type=kind,
                    from_name=kind,
                    to_name='image',
                    image_rotation=0,
                    original_width=img['width'],
                    original_height=img['height'],
                    meta=dict(text=text),
                    value={
                        **value, kind: [label]
                    }))
    return dict(
        data=dict(image=url, image_id=img['id']),
        annotations=[dict(result=results)])


def from_label_studio(task: dict, img: dict, annotations: List[dict],
                      names: Dict[int, str],
                      tolerance: Optional[float]) -> Tuple[List[dict], dict]:
    """Find the masks that were corrected in Label Studio.

    Args:
        task (dict): The task, with exactly one annotation.
        img, annotations, names: Those of the exported proxy file, see
            :func:`to_label_studio`.
        tolerance (float, optional): The one of the export.

    Returns:
        tuple: Records of the corrected masks for :meth:`ProxyWriter.append`;
        and ``ignored`` of :class:`DrawnMasks`.

    Raises:
        InputError: A region is broken. The message names it.
    """
    drawn = DrawnMasks(img, annotations, names)
    size = img['height'], img['width']
    for i, region in enumerate(task['annotations'][0]['result']):
        name = f'{img["file_name"]} [{i}]'
        kind = region.get('type')
        if kind not in TAGS:
            drawn.ignored[OTHER_SHAPE].append(name)
        if kind not in ('brushlabels', 'polygonlabels'):
            continue
        try:
            value = region['value']
            read = _read_brush if kind == 'brushlabels' else _read_polygon
            segmentation, label = read(value, size), value[kind][0]
        except (IndexError, KeyError, TypeError, ValueError):
            raise InputError(f'{name} is not a labelled mask of an image of '
                             f'{size[1]}x{size[0]} pixels: correct it in '
                             'Label Studio.') from None
        match = REGION_ID.fullmatch(str(region.get('id')))
        drawn.add(match and match[1], label, name, segmentation)
    return drawn.corrected(tolerance), dict(drawn.ignored)


def _brush() -> ModuleType:
    """Import the package that encodes and decodes brush masks."""
    try:
        from label_studio_sdk.converter import brush
    except ImportError:
        raise InputError(
            'Brush masks of Label Studio need the package label-studio-sdk: '
            'install it (pip install label-studio-sdk), or use polygons '
            '(--polygons).') from None
    return brush


def _regions(ann: dict, size: Tuple[int, int],
             tolerance: Optional[float]) -> List[Tuple[str, dict]]:
    """Type and value of every region of an annotation."""
    # Label Studio stores positions in per cent of the image size.
    scale = 100 / np.array(size[::-1])
    if not is_shown(ann):
        x, y = (ann['bbox'][:2] * scale).tolist()
        w, h = (ann['bbox'][2:] * scale).tolist()
        box = dict(x=x, y=y, width=w, height=h, rotation=0)
        return [('rectanglelabels', box)]
    if tolerance is None:
        mask = mask_utils.decode(ann['segmentation'])
        rle = _brush().mask2rle(255 * mask)
        return [('brushlabels', dict(format='rle', rle=rle))]
    points = [
        np.reshape(polygon, (-1, 2)) * scale
        for polygon in outlines(ann, tolerance)
    ]
    return [('polygonlabels', dict(points=p.tolist(), closed=True))
            for p in points]


def _read_brush(value: dict, size: Tuple[int, int]) -> dict:
    """Compressed RLE of the image; pixels with alpha > 0 are foreground."""
    pixels = _brush().decode_rle(value['rle']).reshape(*size, 4)
    height, width = size
    window = np.array([0, 0, width, height])
    return encode_window(pixels[..., 3] > 0, window, height, width)


def _read_polygon(value: dict, size: Tuple[int, int]) -> List[List[float]]:
    """Polygon, rounded to 0.01 pixels like an exported one."""
    points = np.array(value['points'], dtype=np.float64) * size[::-1] / 100
    if len(points) < 3:
        raise ValueError
    return [points.round(2).ravel().tolist()]
