from typing import Dict, Optional, Sequence

import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (CocoBoxes, check_segmentations,
                                      check_true_masks, is_ignored, load_coco)
from mmboxcaseg.proxy import Comparison, ScoredMasks, load_proxy, merge_image
from mmboxcaseg.structures import to_rle
from .ious import mask_iou, summarize_ious


def masks_by_id(data: dict, path: str) -> Dict[int, dict]:
    """Masks of a COCO file by annotation id.

    Args:
        data (dict): Content of the file.
        path (str): The file, for messages.

    Returns:
        dict[int, dict]: Compressed RLEs, without crowds and annotations
        marked ``ignore``.

    Raises:
        InputError: A mask is broken.
    """
    images = {img['id']: img for img in data['images']}
    anns = [
        ann for ann in data['annotations']
        if ann.get('segmentation') and not is_ignored(ann)
    ]
    check_segmentations(anns, images, path)
    sizes = {i: (img['height'], img['width']) for i, img in images.items()}
    return {
        ann['id']: to_rle(ann['segmentation'], *sizes[ann['image_id']])
        for ann in anns
    }


def evaluate_mask_file(pred_file: str,
                       gt_file: str,
                       thresholds: Sequence[int] = (50, 75),
                       num_classes: Optional[int] = None,
                       merge_by: Optional[str] = None,
                       truncate: bool = False) -> dict:
    """Compare the masks of a proxy file with the true ones.

    Args:
        pred_file (str): Proxy file.
        gt_file (str): COCO JSON with true masks of the same annotation ids.
            Crowds and annotations marked ``ignore`` do not count.
        thresholds, num_classes: See :func:`summarize_ious`.
        merge_by (str, optional): Merge the masks first, see
            :func:`merge_and_score`. Defaults to None: masks as in the file.
        truncate (bool): See :func:`pixel_boxes`.

    Returns:
        dict[str, float]: See :func:`summarize_ious`.

    Raises:
        FileNotFoundError: A file does not exist.
        InputError: A file is broken, a mask is missing, or sizes differ.
    """
    pred, truth = load_proxy(pred_file), load_coco(gt_file)
    known = {ann['id'] for ann in pred['annotations']}
    # Other masks were in the source file and are not predictions.
    pred['annotations'] = [
        ann for ann in pred['annotations'] if 'mask_score' in ann
    ]
    masks = masks_by_id(pred, pred_file)
    if merge_by is not None:
        masks = _merge(masks, pred_file, merge_by, truncate)
    anns = [ann for ann in truth['annotations'] if not is_ignored(ann)]
    ids = [ann['id'] for ann in anns]
    missing = [i for i in ids if i not in masks]
    if missing or not ids:
        remedy = 'Label the boxes of the same file.'
        if missing and known.issuperset(missing):
            remedy = ('It has them without a mask: label them, or remove them '
                      'from both files if their boxes cannot be used, for '
                      'example because they are outside the image.')
        raise InputError(
            f'{pred_file} has no mask for {len(missing)} of {len(ids)} '
            f'annotations of {gt_file}, the first ids are {missing[:5]}. '
            f'{remedy}')
    images = {img['id']: img for img in truth['images']}
    check_true_masks(anns, images, gt_file)
    true_masks = masks_by_id(truth, gt_file)
    ious = [_iou(i, masks[i], true_masks[i]) for i in ids]
    return summarize_ious(ious, [ann['category_id'] for ann in anns],
                          thresholds, num_classes)


def _merge(masks: Dict[int, dict], path: str, merge_by: str,
           truncate: bool) -> Dict[int, dict]:
    """Merge the masks of a proxy file, as labelling would merge them."""
    coco = CocoBoxes(path, img_prefix=None)
    merged = dict(masks)
    for img_id, anns in coco.annotations.items():
        labelled = [ann for ann in anns if ann['id'] in masks]
        records, _ = merge_image(
            labelled,
            coco.images[img_id],
            masks,
            clip=False,
            truncate=truncate,
            merge_by=merge_by)
        merged.update((r['id'], r['segmentation']) for r in records)
    return merged


def compare_masks(scored: ScoredMasks, path: str) -> Comparison:
    """Compare the masks of a proxy file with those of another file.

    Args:
        scored (ScoredMasks): The masks of the proxy file.
        path (str): COCO JSON with other masks, such as true ones, of the
            same annotation ids.

    Returns:
        Comparison: The masks of ``path`` and their IoUs.

    Raises:
        InputError: A mask is broken, the files share no annotation id, or the
            sizes of an image differ.
    """
    others = masks_by_id(load_coco(path), path)
    # NaN: the other file has no mask to compare with.
    ious = np.full(len(scored), np.nan)
    for i, ann_id in enumerate(scored.ids.tolist()):
        if ann_id in others:
            ious[i] = _iou(ann_id, scored.rle(i), others[ann_id])
    known = ~np.isnan(ious)
    if not known.any():
        raise InputError(
            f'{path} has no mask for any of the {len(scored)} annotations of '
            f'{scored.proxy_file}. Name a file with the same annotation ids.')
    return Comparison(path, others, ious,
                      summarize_ious(ious[known], scored.labels[known]))


def _iou(ann_id: int, mask: dict, other: dict) -> float:
    if mask['size'] != other['size']:
        raise InputError(
            f'Annotation {ann_id}: the image has [height, width] = '
            f'{mask["size"]} in one file and {other["size"]} in the other. '
            'Name files of the same images.')
    return mask_iou(mask, other)
