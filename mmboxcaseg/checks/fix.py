"""Corrections of a COCO file that need no guess."""
import copy
from collections import Counter
from typing import Callable, Dict, List, Tuple

import numpy as np

from mmboxcaseg.datasets.coco import FAULTS, LISTS, box_area, check_coco
from mmboxcaseg.structures import xywh_to_xyxy
from .coco_file import CocoFile, box_array, image_sizes
from .fill_in import fill_in
from .images import ImageFacts
from .rules.boxes import find_box_faults, repeated

# An image with nearly the aspect ratio of the JSON may be a resized copy:
# rounding changes the ratio by less than this.
SAME_SHAPE = 0.02
UNLOADABLE = 'images that cannot be loaded removed, with their annotations'


def fix_coco(coco: CocoFile, facts: Dict[int, ImageFacts],
             inspect: Callable[[dict], ImageFacts]) -> Tuple[dict, Counter]:
    """Correct a COCO file.

    Args:
        coco (CocoFile): The file; it is not changed.
        facts (dict[int, ImageFacts]): Properties of image files by image id.
        inspect (Callable): Reads an image file that ``facts`` lacks.

    Returns:
        tuple: Content of the corrected file, and the number of corrections by
        description.

    Raises:
        InputError: Images or categories share an id or a name, or nothing
            would be left.
    """
    counts: Counter = Counter()
    data = copy.deepcopy(coco.data)
    fill_in(data, coco.path, inspect, counts)
    coco = CocoFile(coco.path, data)
    for kind, problems in coco.problems.items():
        for text, positions in problems.items():
            counts[f'{LISTS[kind]} removed: {text}'] = len(positions)
    # fill_in() has made these usable.
    new = [i for i in coco.images if i not in facts]
    facts = {**facts, **{i: inspect(coco.images[i]) for i in new}}
    images = _fix_images(coco, facts, counts)
    data.update(
        images=list(images.values()),
        categories=coco.categories,
        annotations=_fix_boxes(coco, images, facts, counts))
    check_coco(data, f'{coco.path}, corrected,')
    # The unary + of a Counter drops entries that are 0.
    return data, +counts


def _fix_images(coco: CocoFile, facts: Dict[int, ImageFacts],
                counts: Counter) -> Dict[int, dict]:
    """Remove unusable images, take sizes from files where boxes agree."""
    annotations: Dict[int, List[dict]] = {img_id: [] for img_id in coco.images}
    for ann in coco.annotations:
        annotations[ann['image_id']].append(ann)
    images = {}
    for img_id, img in coco.images.items():
        fact = facts[img_id]
        if fact.problem:
            counts[UNLOADABLE] += 1
            continue
        images[img_id] = img
        if _fits(coco, img, fact, annotations[img_id]):
            height, width = fact.size
            images[img_id] = dict(img, height=height, width=width)
            counts['sizes of images taken from their files'] += 1
    return images


def _fits(coco: CocoFile, img: dict, fact: ImageFacts,
          annotations: List[dict]) -> bool:
    """Whether only the size in the JSON is wrong: all boxes fit the file."""
    given = (img['height'], img['width'])
    # With an EXIF orientation, the boxes may have been drawn on the stored
    # image. Proxy masks contain the image size, which would no longer fit.
    if given in (fact.size, fact.header.loaded_size(upright=False)) or any(
            'mask_score' in ann for ann in annotations):
        return False
    ratio = fact.size[0] / given[0] / (fact.size[1] / given[1])
    if abs(ratio - 1) < SAME_SHAPE:
        return False
    boxes = [ann['bbox'] for ann in annotations]
    corners = boxes if coco.units == 'xyxy' else xywh_to_xyxy(boxes)
    high = np.array(corners).reshape(-1, 4)[:, 2:]
    # Many programs write boxes that end a pixel too far.
    return bool((high <= np.array(fact.size[::-1]) + 1).all())


def _fix_boxes(coco: CocoFile, images: Dict[int, dict],
               facts: Dict[int, ImageFacts], counts: Counter) -> List[dict]:
    """Correct the boxes of images that are kept, remove unusable ones."""
    anns = [ann for ann in coco.annotations if ann['image_id'] in images]
    boxes = box_array(anns)
    if coco.units == 'xyxy' and coco.is_certain:
        boxes[:, 2:] -= boxes[:, :2]
        counts['boxes converted from xyxy to xywh'] = len(boxes)
    # Converting boxes after an uncertain guess could damage good ones.
    elif coco.units != 'xywh':
        return anns
    sizes = image_sizes(anns, images)
    faults = find_box_faults(boxes, sizes)
    # Where JSON and file have different sizes, either may be right.
    loaded = [facts[ann['image_id']].size[::-1] for ann in anns]
    sure = (sizes == np.array(loaded).reshape(-1, 2)).all(axis=1)
    for kind in ('box-outside', 'box-sticks-out'):
        faults[kind] &= sure
    marks = faults['box-sticks-out']
    clipped = np.clip(xywh_to_xyxy(boxes), 0, np.tile(sizes, 2))
    clipped[:, 2:] -= clipped[:, :2]
    boxes[marks] = clipped[marks]
    counts['boxes clipped to their images'] = int(marks.sum())
    gone = np.any([faults[kind] for kind in FAULTS], axis=0)
    for kind in FAULTS:
        counts[f'annotations removed: {kind}'] = int(faults[kind].sum())
    left = np.flatnonzero(~gone)
    kept = [_with_box(anns[i], boxes[i].tolist(), counts) for i in left]
    twice = {ann['id'] for ann in repeated(kept)}
    counts['annotations removed: box-repeated'] = len(twice)
    return [ann for ann in kept if ann['id'] not in twice]


def _with_box(ann: dict, box: List[float], counts: Counter) -> dict:
    """Set the box of an annotation, and ``area`` if it was the box's area."""
    if box == ann['bbox'] and ann['area'] > 0:
        return ann
    if ann['area'] <= 0 or np.isclose(ann['area'], box_area(ann)):
        ann = dict(ann, area=box[2] * box[3])
        counts['areas written'] += 1
    return dict(ann, bbox=box)
