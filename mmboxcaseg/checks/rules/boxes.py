from typing import Dict, Iterator, List

import numpy as np

from mmboxcaseg.datasets.coco import FAULTS
from mmboxcaseg.structures import box_faults, xywh_to_xyxy
from ..checked_source import CheckedSource
from ..findings import ERROR, WARNING, Case, data_check
from .annotations import describe


def find_box_faults(boxes: np.ndarray,
                    sizes: np.ndarray) -> Dict[str, np.ndarray]:
    """Find bad boxes; each box gets only its first fault.

    Args:
        boxes (np.ndarray): Boxes in pixels, xywh, has shape (n, 4).
        sizes (np.ndarray): (n, 2), width and height of their images.

    Returns:
        dict[str, np.ndarray]: Booleans of shape (n, ) by kind of finding.
        The kinds of :func:`box_faults` come first.
    """
    corners = xywh_to_xyxy(boxes)
    faults = box_faults(corners, sizes)
    # Up to one pixel outside is usually a rounding error.
    leaves = (corners[:, :2] < -1) | (corners[:, 2:] > sizes + 1)
    small = boxes[:, 2:] < 1
    for kind, sides in {'box-sticks-out': leaves, 'box-small': small}.items():
        seen = np.any(list(faults.values()), axis=0)
        faults[kind] = sides.any(axis=1) & ~seen
    return faults


def repeated(annotations: List[dict]) -> List[dict]:
    """Annotations with the same image, class and box as an earlier one."""
    seen, found = set(), []
    for ann in annotations:
        key = (ann['image_id'], ann['category_id'], *ann['bbox'])
        if key in seen and not ann.get('iscrowd'):
            found.append(ann)
        seen.add(key)
    return found


@data_check(('box-normalised', ERROR, 'the boxes are in 0..1, not in pixels',
             "multiply x and width by the image's width, y and height by its "
             'height'),
            ('box-xyxy', ERROR,
             'the boxes are [x0, y0, x1, y1], not [x, y, width, height]',
             'subtract the first corner from the second (--fix)'))
def check_units(one: CheckedSource) -> Iterator[Case]:
    """Units of the boxes, guessed from all boxes together."""
    if len(one.coco.boxes) and one.coco.units != 'xywh':
        yield (f'box-{one.coco.units}',
               f'all boxes, such as {describe(one.coco.annotations[0])}')


@data_check(
    ('box-inverted', ERROR, 'a box has a negative width or height',
     'correct or remove it (--fix removes it)'),
    ('box-outside', ERROR, 'a box is outside its image',
     'correct or remove it (--fix removes it)'),
    ('box-none-left', ERROR, 'no box can be used', 'see the other findings'),
    ('box-zero', WARNING, 'a box has no width or no height; it is left out',
     'correct or remove it (--fix removes it)'),
    ('box-sticks-out', WARNING,
     'a box leaves its image by more than a pixel; the rest is used',
     'clip it (--fix)'),
    ('box-small', WARNING,
     'a box is less than a pixel wide or high; mmdet leaves it out',
     'remove it, or use larger images'),
    ('box-repeated', WARNING,
     'another annotation has the same image, class and box',
     'remove one (--fix)'))
def check_boxes(one: CheckedSource) -> Iterator[Case]:
    """Boxes, one by one."""
    coco = one.coco
    if coco.units != 'xywh':
        return
    faults = find_box_faults(coco.boxes, coco.sizes)
    for kind, marks in faults.items():
        if kind == 'box-small' and not one.is_detection:
            continue
        for i in np.flatnonzero(marks):
            img = coco.images[coco.annotations[i]['image_id']]
            size = f'{img["width"]}x{img["height"]}'
            yield kind, (f'{describe(coco.annotations[i])} of image '
                         f'{img["file_name"]} ({size})')
    for ann in repeated(coco.annotations):
        yield 'box-repeated', describe(ann)
    unusable = np.any([faults[kind] for kind in FAULTS], axis=0)
    bad = {coco.annotations[i]['id'] for i in np.flatnonzero(unusable)}
    if all(ann['id'] in bad for ann in one.annotations):
        yield ('box-none-left',
               f'{len(coco.annotations)} well-formed annotations')
