"""What of a COCO file can be corrected without a guess."""
import copy
import itertools
from collections import Counter
from typing import Dict, List, Tuple

import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (FAULTS, LISTS, box_area, check_coco,
                                      counts_from_bytes, rle_counts)
from mmboxcaseg.structures import to_rle, xywh_to_xyxy
from .annotations import CocoFile, find_box_faults, repeated
from .images import ImageFacts

# By so much the shape of a copy in another size may differ, by rounding.
SAME_SHAPE = 0.02


def fix_coco(coco: CocoFile, facts: Dict[int,
                                         ImageFacts]) -> Tuple[dict, Counter]:
    """Correct a COCO file.

    Args:
        coco (CocoFile): The file; it is not changed.
        facts (dict[int, ImageFacts]): What its image files are, by image id.

    Returns:
        tuple: Content of the corrected file; and how often what was done.

    Raises:
        InputError: Different images or categories have the same id, or
            nothing would be left.
    """
    counts: Counter = Counter()
    data = copy.deepcopy(coco.data)
    _fix_counts(data['annotations'], counts)
    _fix_ids(data, coco.path, counts)
    coco = CocoFile(coco.path, data)
    for kind, problems in coco.problems.items():
        for text, positions in problems.items():
            counts[f'{LISTS[kind]} removed: {text}'] = len(positions)
    images = _fix_images(coco, facts, counts)
    data.update(
        images=list(images.values()),
        categories=coco.categories,
        annotations=_fix_boxes(coco, images, facts, counts))
    check_coco(data, f'{coco.path}, corrected,')
    return data, +counts


def _fix_counts(annotations: List[dict], counts: Counter) -> None:
    for ann in annotations:
        runs, text = rle_counts(ann), counts_from_bytes(ann)
        if text is not None:
            ann['segmentation']['counts'] = text
            counts['`counts` turned from bytes to text'] += 1
        elif isinstance(runs, list) and not ann.get('iscrowd', 0):
            size = ann['segmentation'].get('size')
            if size and sum(runs) == size[0] * size[1]:
                ann['segmentation'] = to_rle(ann['segmentation'], *size)
                counts['`counts` compressed'] += 1


def _fix_ids(data: dict, path: str, counts: Counter) -> None:
    """Remove entries that are there twice, number other annotations anew."""
    for kind, key in LISTS.items():
        numbered = [e for e in data[key] if _has_id(e)]
        new_ids = itertools.count(1 +
                                  max((e['id'] for e in numbered), default=0))
        first: Dict[int, dict] = {}
        repeats = {
            id(entry)
            for entry in numbered
            if first.setdefault(entry['id'], entry) is not entry
        }
        kept = []
        for entry in data[key]:
            if id(entry) not in repeats:
                kept.append(entry)
            elif entry == first[entry['id']]:
                counts[f'{key} that are there twice removed'] += 1
            elif kind == 'annotation':
                kept.append(dict(entry, id=next(new_ids)))
                counts['annotations given an id of their own'] += 1
            else:
                raise InputError(
                    f'{path}: different {key} have the id {entry["id"]}, so '
                    'that annotations may mean either. Correct them by hand.')
        data[key] = kept


def _has_id(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get('id'), int)


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
            counts['images that cannot be loaded removed, with their '
                   'annotations'] += 1
            continue
        images[img_id] = img
        if _fits(coco, img, fact, annotations[img_id]):
            height, width = fact.size
            images[img_id] = dict(img, height=height, width=width)
            counts['sizes of images taken from their files'] += 1
    return images


def _fits(coco: CocoFile, img: dict, fact: ImageFacts,
          annotations: List[dict]) -> bool:
    """Whether only the size is wrong: the boxes fit the file that there is."""
    given = (img['height'], img['width'])
    # An orientation may turn the image and not its boxes; masks have a size.
    if given in (fact.size, fact.header.loaded_size(upright=False)) or any(
            'mask_score' in ann for ann in annotations):
        return False
    ratio = fact.size[0] / given[0] / (fact.size[1] / given[1])
    if abs(ratio - 1) < SAME_SHAPE:
        return False  # a copy in another size
    boxes = [ann['bbox'] for ann in annotations]
    corners = boxes if coco.units == 'xyxy' else xywh_to_xyxy(boxes)
    high = np.array(corners).reshape(-1, 4)[:, 2:]
    return bool((high <= np.array(fact.size[::-1]) + 1).all())


def _fix_boxes(coco: CocoFile, images: Dict[int, dict],
               facts: Dict[int, ImageFacts], counts: Counter) -> List[dict]:
    """Correct the boxes of images that are kept, remove what cannot be."""
    anns = [ann for ann in coco.annotations if ann['image_id'] in images]
    boxes = np.array([ann['bbox'] for ann in anns],
                     dtype=np.float64).reshape(-1, 4)
    if coco.units == 'xyxy' and coco.is_certain:
        boxes[:, 2:] -= boxes[:, :2]
        counts['boxes turned from xyxy to xywh'] = len(boxes)
    elif coco.units != 'xywh':
        return anns
    sizes = _sizes([images[ann['image_id']] for ann in anns])
    faults = find_box_faults(boxes, sizes)
    # Where an image has another size than its file, neither may be right.
    loaded = [facts[ann['image_id']].size[::-1] for ann in anns]
    sure = (sizes == np.array(loaded).reshape(-1, 2)).all(axis=1)
    for kind in ('box-outside', 'box-sticks-out'):
        faults[kind] &= sure
    _clip(boxes, sizes, faults['box-sticks-out'], counts)
    gone = np.any([faults[kind] for kind in FAULTS], axis=0)
    for kind in FAULTS:
        counts[f'annotations removed: {kind}'] = int(faults[kind].sum())
    kept = [
        _with_box(anns[i], boxes[i].tolist(), counts)
        for i in np.flatnonzero(~gone)
    ]
    twice = {ann['id'] for ann in repeated(kept)}
    counts['annotations removed: box-repeated'] = len(twice)
    return [ann for ann in kept if ann['id'] not in twice]


def _sizes(images: List[dict]) -> np.ndarray:
    """Width and height, has shape (n, 2)."""
    sizes = [[img['width'], img['height']] for img in images]
    return np.array(sizes).reshape(-1, 2)


def _clip(boxes: np.ndarray, sizes: np.ndarray, marks: np.ndarray,
          counts: Counter) -> None:
    """Clip the marked boxes, xywh, to their images, in place."""
    clipped = np.clip(xywh_to_xyxy(boxes), 0, np.tile(sizes, 2))
    clipped[:, 2:] -= clipped[:, :2]
    boxes[marks] = clipped[marks]
    counts['boxes clipped to their images'] = int(marks.sum())


def _with_box(ann: dict, box: List[float], counts: Counter) -> dict:
    """The annotation with this box; an area of the old one goes with it."""
    if box == ann['bbox'] and ann.get('area', 0) > 0:
        return ann
    of_old_box = np.isclose(ann.get('area', 0), box_area(ann))
    if ann.get('area', 0) <= 0 or of_old_box:
        ann = dict(ann, area=box[2] * box[3])
        counts['areas written'] += 1
    return dict(ann, bbox=box)
