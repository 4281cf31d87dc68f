"""Checks of COCO files."""
from collections import Counter
from typing import Dict, List, Sequence

import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.datasets import ProxyCocoDataset
from mmboxcaseg.datasets.coco import (FAULTS, LISTS, common_classes,
                                      counts_from_bytes, entry_name,
                                      entry_problems, list_problem,
                                      repeated_names, rle_counts,
                                      segmentation_problem)
from mmboxcaseg.structures import box_faults, box_units, xywh_to_xyxy
from .findings import Findings
from .sources import Source


class CocoFile:
    """A COCO file, whatever is wrong with its entries.

    Args:
        path (str): The file.
        data (dict): Its content.

    Attributes:
        path (str): As above.
        data (dict): As above.
        problems (dict[str, dict[str, list[int]]]): Positions of the broken
            images, categories and annotations by what is wrong.
        images (dict[int, dict]): Well-formed images by id.
        categories (list[dict]): Well-formed categories.
        annotations (list[dict]): Well-formed annotations, n in number.
        boxes (np.ndarray): Their boxes, has shape (n, 4).
        sizes (np.ndarray): Width and height of their images, has shape
            (n, 2).
        units (str): See :func:`box_units`.
        is_certain (bool): See :func:`box_units`.

    Raises:
        InputError: A list is missing.
    """

    def __init__(self, path: str, data: dict) -> None:
        self.path = path
        self.data = data
        problem = list_problem(data)
        if problem:
            raise InputError(f'{path} {problem}')
        self.problems = dict(entry_problems(self.data))
        self.images = {img['id']: img for img in self._good('image')}
        self.categories = self._good('category')
        self.annotations = self._good('annotation')
        self.boxes = np.array([ann['bbox'] for ann in self.annotations],
                              dtype=np.float64).reshape(-1, 4)
        images = [self.images[ann['image_id']] for ann in self.annotations]
        self.sizes = np.array([[img['width'], img['height']]
                               for img in images]).reshape(-1, 2)
        self.units, self.is_certain = box_units(self.boxes, self.sizes)

    def _good(self, kind: str) -> List[dict]:
        problems = self.problems[kind].values()
        broken = {i for positions in problems for i in positions}
        return [
            entry for i, entry in enumerate(self.data[LISTS[kind]])
            if i not in broken
        ]


def check_coco_file(coco: CocoFile, source: Source,
                    findings: Findings) -> None:
    """Check a COCO file as one data set uses it.

    Args:
        coco (CocoFile): The file.
        source (Source): The data set.
        findings (Findings): Gets what is wrong.
    """
    classes = source.dataset.metainfo.get('classes')
    if classes is None:
        classes = [cat['name'] for cat in coco.categories]
    _check_entries(coco, findings)
    _check_classes(coco, classes, source.is_detection, findings)
    _check_images(coco, findings)
    if coco.units == 'xywh':
        _check_boxes(coco, classes, source.is_detection, findings)
    elif len(coco.boxes):
        findings.add(f'box-{coco.units}', coco.path,
                     f'all boxes, such as {_name(coco.annotations[0])}')
    _check_uses(coco, source, findings)
    _check_masks(coco, source.needs_masks, findings)
    if isinstance(source.dataset, ProxyCocoDataset):
        _check_proxies(coco, source.dataset, findings)


def find_box_faults(boxes: np.ndarray,
                    sizes: np.ndarray) -> Dict[str, np.ndarray]:
    """Find bad boxes; the first fault of a box counts.

    Args:
        boxes (np.ndarray): Boxes in pixels, xywh, has shape (n, 4).
        sizes (np.ndarray): Width and height of their images, has shape
            (n, 2).

    Returns:
        dict[str, np.ndarray]: Booleans by kind of finding, each has shape
        (n, ). The kinds of :func:`box_faults` come first.
    """
    corners = xywh_to_xyxy(boxes)
    faults = box_faults(corners, sizes)
    leaves = (corners[:, :2] < -1) | (corners[:, 2:] > sizes + 1)
    small = boxes[:, 2:] < 1
    for kind, sides in {'box-sticks-out': leaves, 'box-small': small}.items():
        seen = np.any(list(faults.values()), axis=0)
        faults[kind] = sides.any(axis=1) & ~seen
    return faults


def _check_entries(coco: CocoFile, findings: Findings) -> None:
    for kind, problems in coco.problems.items():
        for text, positions in problems.items():
            for i in positions:
                entry = coco.data[LISTS[kind]][i]
                findings.add(
                    'json-form', coco.path,
                    f'{kind} {entry_name(entry, i)}: {text}'
                    f'{_shown_box(entry, text)}')


def _check_classes(coco: CocoFile, classes: Sequence[str], in_order: bool,
                   findings: Findings) -> None:
    names = [cat['name'] for cat in coco.categories]
    boxes = Counter(ann['category_id'] for ann in coco.annotations)
    used = Counter({cat['name']: boxes[cat['id']] for cat in coco.categories})
    for name, ids in repeated_names(coco.categories).items():
        findings.add('class-repeated', coco.path,
                     f'{name} (ids {", ".join(map(str, ids))})')
    for name in dict.fromkeys(names):
        if name not in classes:
            findings.add('class-unused', coco.path,
                         f'{name} ({used[name]} boxes)')
    for name in classes:
        if name not in names:
            findings.add('class-missing', coco.path, name)
        elif not used[name]:
            findings.add('class-empty', coco.path, name)
    order = common_classes(coco.categories, classes)
    if in_order and order != [name for name in classes if name in names]:
        findings.add('class-order', coco.path, f'the file: {order}')


def _check_images(coco: CocoFile, findings: Findings) -> None:
    annotated = {ann['image_id'] for ann in coco.annotations}
    names = Counter(img['file_name'] for img in coco.images.values())
    for img_id, img in coco.images.items():
        if names[img['file_name']] > 1:
            findings.add('image-repeated', coco.path,
                         f'image {img_id} ({img["file_name"]})')
        if img_id not in annotated:
            findings.add('image-no-box', coco.path, f'image {img_id}')


def _check_boxes(coco: CocoFile, classes: Sequence[str], is_detection: bool,
                 findings: Findings) -> None:
    faults = find_box_faults(coco.boxes, coco.sizes)
    for kind, marks in faults.items():
        if kind == 'box-small' and not is_detection:
            continue
        for i in np.flatnonzero(marks):
            img = coco.images[coco.annotations[i]['image_id']]
            findings.add(
                kind, coco.path, f'{_name(coco.annotations[i])} of image '
                f'{img["file_name"]} ({img["width"]}x{img["height"]})')
    for ann in repeated(coco.annotations):
        findings.add('box-repeated', coco.path, _name(ann))
    ids = {cat['id'] for cat in coco.categories if cat['name'] in classes}
    unusable = np.any([faults[kind] for kind in FAULTS], axis=0)
    if all(
            is_bad or ann.get('iscrowd', 0) or ann['category_id'] not in ids
            for is_bad, ann in zip(unusable, coco.annotations)):
        findings.add('box-none-left', coco.path,
                     f'{len(coco.annotations)} well-formed annotations')


def repeated(annotations: List[dict]) -> List[dict]:
    """Annotations whose image, class and box are those of an earlier one."""
    seen, found = set(), []
    for ann in annotations:
        key = (ann['image_id'], ann['category_id'], *ann['bbox'])
        if key in seen and not ann.get('iscrowd', 0):
            found.append(ann)
        seen.add(key)
    return found


def _check_uses(coco: CocoFile, source: Source, findings: Findings) -> None:
    """Check what of an annotation the data set looks at beside its box."""
    for ann in coco.annotations:
        if ann.get('iscrowd', 0):
            findings.add('box-crowd', coco.path, _name(ann))
        # ProxyCocoDataset writes the area where there is none.
        needs_area = type(source.dataset).__name__ == 'CocoDataset'
        if needs_area and 'area' not in ann:
            findings.add('area-missing', coco.path, _name(ann))
        elif source.is_detection and ann.get('area', 1) <= 0:
            findings.add('area-zero', coco.path,
                         f'{_name(ann)}, area {ann["area"]}')


def _check_masks(coco: CocoFile, needed: bool, findings: Findings) -> None:
    for i, ann in enumerate(coco.data['annotations']):
        counts = rle_counts(ann)
        if isinstance(counts, list) and not ann.get('iscrowd', 0):
            findings.add('mask-uncompressed', coco.path,
                         f'annotation {entry_name(ann, i)}')
        elif counts_from_bytes(ann) is not None:
            findings.add('mask-bytes', coco.path,
                         f'annotation {entry_name(ann, i)}, {counts[:12]}...')
    for ann in coco.annotations:
        segmentation = ann.get('segmentation')
        if ann.get('iscrowd', 0):
            continue
        if not segmentation:
            if needed:
                findings.add('mask-missing', coco.path, _name(ann))
            continue
        problem = segmentation_problem(segmentation,
                                       coco.images[ann['image_id']])
        if problem:
            findings.add('mask-broken', coco.path,
                         f'annotation {ann["id"]}: {problem}')


def _check_proxies(coco: CocoFile, dataset: ProxyCocoDataset,
                   findings: Findings) -> None:
    masks = [ann for ann in coco.annotations if ann.get('segmentation')]
    if not masks:
        findings.add('proxy-none', coco.path,
                     f'{len(coco.annotations)} annotations')
    elif not any(dataset.weigh(ann) for ann in masks):
        findings.add('proxy-low', coco.path,
                     f'mask_score_thr={dataset.mask_score_thr}')
    for ann in masks:
        is_known = 'mask_score' in ann or 'mask_weight' in ann
        if not (is_known or dataset.true_masks or ann.get('iscrowd', 0)):
            findings.add('proxy-unscored', coco.path, _name(ann))


def _shown_box(entry: dict, text: str) -> str:
    return f', it is {entry["bbox"]}' if '`bbox` is not' in text else ''


def _name(ann: dict) -> str:
    return f'annotation {ann["id"]} {ann["bbox"]}'
