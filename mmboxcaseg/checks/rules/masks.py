from typing import Iterator

from mmboxcaseg import InputError
from mmboxcaseg.datasets import MaskedCropDataset, ProxyCocoDataset
from mmboxcaseg.datasets.coco import (counts_from_bytes, entry_name, first_few,
                                      is_ignored, rle_counts,
                                      segmentation_problem)
from ..checked_source import CheckedSource
from ..findings import ERROR, NOTE, WARNING, Case, data_check
from .annotations import describe


@data_check(
    ('mask-bytes', ERROR,
     "`counts` of an RLE is the string of Python bytes, b'...'",
     'write counts.decode() (--fix)'),
    ('mask-uncompressed', NOTE, '`counts` of an RLE is a list, which is large',
     'compress it (--fix); a proxy file must have it compressed'))
def check_counts(one: CheckedSource) -> Iterator[Case]:
    """Format of RLE counts, also in entries that have other problems."""
    for i, ann in enumerate(one.coco.data['annotations']):
        counts = rle_counts(ann)
        if isinstance(counts, list) and not ann.get('iscrowd'):
            yield 'mask-uncompressed', f'annotation {entry_name(ann, i)}'
        elif counts_from_bytes(ann) is not None:
            yield ('mask-bytes',
                   f'annotation {entry_name(ann, i)}, {counts[:12]}...')


@data_check(
    ('mask-missing', ERROR,
     'an annotation has no `segmentation`, which is used here',
     'use a file with masks; without one, set val_cfg, val_dataloader and '
     'val_evaluator to None'),
    ('mask-broken', ERROR, 'the `segmentation` cannot be used', 'correct it'))
def check_masks(one: CheckedSource) -> Iterator[Case]:
    """Masks of a COCO file."""
    for ann in one.coco.annotations:
        segmentation = ann.get('segmentation')
        # Data sets of boxes accept missing masks, but not broken ones.
        if is_ignored(ann) or not (segmentation or one.needs_masks):
            continue
        if not segmentation:
            yield 'mask-missing', describe(ann)
            continue
        img = one.coco.images[ann['image_id']]
        problem = segmentation_problem(segmentation, img)
        if problem:
            yield 'mask-broken', f'annotation {ann["id"]}: {problem}'


@data_check(
    ('proxy-none', ERROR, 'it is not a proxy file: no annotation has a mask',
     'make one with tools/label.py or tools/merge_masks.py'),
    ('proxy-unscored', ERROR, 'a mask of a proxy file has no `mask_score`',
     'set true_masks=True if such masks are true ones; else score them with '
     'tools/merge_masks.py'),
    ('proxy-no-key', ERROR,
     'a mask of a proxy file does not have the score that `mask_filter` uses',
     "label again with tools/label.py, or use key='mask_score'"),
    ('proxy-low', WARNING,
     'no mask is used for training: `mask_score_thr` or `mask_filter` drops '
     'all', 'lower the threshold, or make better masks'))
def check_proxy_masks(one: CheckedSource) -> Iterator[Case]:
    """Masks of a proxy file."""
    dataset = one.dataset
    if not isinstance(dataset, ProxyCocoDataset):
        return
    boxes = one.annotations
    masks = [ann for ann in boxes if ann.get('segmentation')]
    if boxes and not masks:
        yield 'proxy-none', f'{len(boxes)} annotations'
    lacking = dataset.mask_filter.missing(dataset.scored(masks))
    if lacking:
        yield ('proxy-no-key',
               f'{dataset.mask_filter.key}, annotation {first_few(lacking)}')
    elif masks and not any(dataset.weigh(masks)):
        yield 'proxy-low', f'{dataset.filter_name}: {dataset.mask_filter}'
    for ann in masks:
        is_known = 'mask_score' in ann or 'mask_weight' in ann
        if not (is_known or dataset.true_masks):
            yield 'proxy-unscored', describe(ann)


@data_check(('teacher-unusable', ERROR,
             'training would refuse the masks of a MaskedCropDataset',
             'see the message'))
def check_teacher(one: CheckedSource) -> Iterator[Case]:
    """Masks of a COCO file or a proxy file that train a labeller."""
    coco = one.coco
    if not isinstance(one.dataset, MaskedCropDataset):
        return
    # Broken masks are another finding.
    boxes = [
        ann for ann in one.annotations
        if not (ann.get('segmentation') and segmentation_problem(
            ann['segmentation'], coco.images[ann['image_id']]))
    ]
    try:
        one.dataset.select(boxes, coco.images)
    except InputError as error:
        yield 'teacher-unusable', str(error)
