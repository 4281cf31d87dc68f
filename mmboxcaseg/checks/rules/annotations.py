from typing import Iterator

from mmdet.datasets import CocoDataset

from mmboxcaseg.datasets import ProxyCocoDataset
from mmboxcaseg.datasets.coco import LISTS, entry_name, rotation_of
from ..checked_source import CheckedSource
from ..findings import ERROR, NOTE, WARNING, Case, data_check


def describe(ann: dict) -> str:
    """Name an annotation by its id and box."""
    return f'annotation {ann["id"]} {ann["bbox"]}'


@data_check(
    ('json-form', ERROR, 'an entry does not have the form of COCO',
     'correct or remove it (--fix numbers missing ids, reads missing sizes '
     'from the images, and removes what it cannot fill in)'))
def check_entries(one: CheckedSource) -> Iterator[Case]:
    """Form of all entries of a COCO file."""
    for kind, problems in one.coco.problems.items():
        for text, positions in problems.items():
            for i in positions:
                entry = one.coco.data[LISTS[kind]][i]
                example = f'{kind} {entry_name(entry, i)}: {text}'
                if '`bbox` is not' in text:
                    example += f', it is {entry["bbox"]}'
                yield 'json-form', example


@data_check(
    ('box-crowd', NOTE, 'a crowd (iscrowd=1); it is left out',
     'set iscrowd to 0 if it is a single object'),
    ('box-ignored', NOTE, 'an annotation is marked `ignore`; it is left out',
     'remove `ignore` if the object is to be used'),
    ('box-rotated', WARNING,
     'an annotation says that its box is rotated (`rotation`, `angle`); '
     '`bbox` is used as an upright box',
     'write the upright box around the object, or remove the key'))
def check_meaning(one: CheckedSource) -> Iterator[Case]:
    """Keys that change what an annotation means."""
    for ann in one.coco.annotations:
        if ann.get('iscrowd'):
            yield 'box-crowd', describe(ann)
        elif ann.get('ignore'):
            yield 'box-ignored', describe(ann)
        rotation = rotation_of(ann)
        if rotation:
            yield 'box-rotated', f'{describe(ann)}, {rotation}'


@data_check(('area-missing', ERROR,
             'an annotation has no `area`, which CocoDataset needs',
             'write the area (--fix writes the area of the box)'),
            ('area-zero', WARNING,
             'the `area` is not positive; CocoDataset leaves the box out',
             'correct it (--fix writes the area of the box)'))
def check_areas(one: CheckedSource) -> Iterator[Case]:
    """Areas, if mmdet reads them."""
    # ProxyCocoDataset uses the areas of the boxes instead.
    if not one.is_detection or isinstance(one.dataset, ProxyCocoDataset):
        return
    needs_area = type(one.dataset) is CocoDataset
    for ann in one.coco.annotations:
        if needs_area and 'area' not in ann:
            yield 'area-missing', describe(ann)
        elif ann.get('area', 1) <= 0:
            yield 'area-zero', f'{describe(ann)}, area {ann["area"]}'


@data_check(
    ('id-zero', WARNING,
     'an annotation has id 0, which the CocoMetric of mmdet never counts as '
     'found: AP is too low',
     'use mmboxcaseg.CocoMetric, or number annotations from 1'))
def check_ids(one: CheckedSource) -> Iterator[Case]:
    """Ids that mmdet's metrics do not handle."""
    if one.has_stock_metric:
        for ann in one.coco.annotations:
            if ann['id'] == 0:
                yield 'id-zero', describe(ann)
