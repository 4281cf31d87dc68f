"""Fill in what a COCO file lacks, if it can be derived without guessing."""
import itertools
import math
from collections import Counter
from typing import Callable, Dict, List

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (LISTS, box_area, counts_from_bytes,
                                      rle_counts, schema_problem)
from mmboxcaseg.structures import to_rle
from .images import ImageFacts

ID_KEYS = ('id', 'image_id', 'category_id')


def fill_in(data: dict, path: str, inspect: Callable[[dict], ImageFacts],
            counts: Counter) -> None:
    """Fill in what is missing, in place.

    Args:
        data (dict): Content of a COCO file that has its lists.
        path (str): The file, for messages.
        inspect (Callable): Reads the file of an image.
        counts (Counter): Number of corrections by description, updated in
            place.

    Raises:
        InputError: Different images or categories have the same id.
    """
    entries = {kind: _dicts(data[key]) for kind, key in LISTS.items()}
    # Ids first: the later steps compare them, and require valid ones.
    for of_kind in entries.values():
        _read_ids(of_kind, counts)
    for img in entries['image']:
        _fill_size(img, inspect, counts)
    for ann in entries['annotation']:
        _fill_annotation(ann, counts)
        _fix_counts(ann, counts)
    for kind, key in LISTS.items():
        data[key] = _with_unique_ids(data[key], kind, path, counts)


def _dicts(entries: List[object]) -> List[dict]:
    return [entry for entry in entries if isinstance(entry, dict)]


def _read_ids(entries: List[dict], counts: Counter) -> None:
    """Convert ids that are strings to integers."""
    for entry in entries:
        for key in ID_KEYS:
            text = entry.get(key)
            if isinstance(text, str) and text.isascii() and text.isdigit():
                entry[key] = int(text)
                counts['ids converted from string to integer'] += 1


def _fill_size(img: dict, inspect: Callable[[dict], ImageFacts],
               counts: Counter) -> None:
    """Read a size that is missing or not a number from the image file."""
    sized = dict(img, height=1, width=1)
    # Only if the size is the only problem of the image.
    if schema_problem(img, 'image') and not schema_problem(sized, 'image'):
        facts = inspect(img)
        if not facts.problem:
            img['height'], img['width'] = facts.size
            counts['sizes of images taken from their files'] += 1


def _fill_annotation(ann: dict, counts: Counter) -> None:
    """Write ``area`` and ``iscrowd`` where they are missing or null."""
    if ann.get('iscrowd') is None:
        ann['iscrowd'] = 0
        counts['`iscrowd` written'] += 1
    box = ann.get('bbox')
    is_box = isinstance(box, list) and len(box) == 4 and all(
        isinstance(number, (int, float)) for number in box)
    if not isinstance(ann.get('area'), (int, float)) and is_box:
        ann['area'] = box_area(ann)
        counts['areas written'] += 1


def _fix_counts(ann: dict, counts: Counter) -> None:
    """Write the counts of an RLE as a compressed string."""
    runs, text = rle_counts(ann), counts_from_bytes(ann)
    if text is not None:
        ann['segmentation']['counts'] = text
        counts['`counts` converted from bytes to string'] += 1
    elif isinstance(runs, list) and not ann.get('iscrowd'):
        mask = ann['segmentation']
        # Counts that do not sum up to the size are reported, not guessed.
        if not schema_problem(mask, 'mask') and sum(runs) == math.prod(
                mask['size']):
            ann['segmentation'] = to_rle(mask, *mask['size'])
            counts['`counts` compressed'] += 1


def _with_unique_ids(entries: List[object], kind: str, path: str,
                     counts: Counter) -> List[object]:
    """Remove entries that occur twice; number annotations that need an id."""
    key = LISTS[kind]
    ids = [entry['id'] for entry in _dicts(entries) if _has_id(entry)]
    new_ids = itertools.count(1 + max(ids, default=0))
    first: Dict[int, dict] = {}
    kept = []
    for entry in entries:
        is_numbered = _has_id(entry)
        if is_numbered and first.setdefault(entry['id'], entry) is entry:
            kept.append(entry)
        elif is_numbered and entry == first[entry['id']]:
            counts[f'{key} that occur twice removed'] += 1
        elif kind == 'annotation' and isinstance(
                entry, dict) and (is_numbered or entry.get('id') is None):
            kept.append(dict(entry, id=next(new_ids)))
            text = 'with a repeated id' if is_numbered else 'without an id'
            counts[f'annotations {text} given a new one'] += 1
        elif is_numbered:
            raise InputError(
                f'{path}: different {key} have the id {entry["id"]}, so it is '
                'unclear which one an annotation means. Correct them by hand.')
        else:
            kept.append(entry)
    return kept


def _has_id(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get('id'), int)
