from typing import Dict, Sequence

import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import check_true_masks, load_coco
from mmboxcaseg.proxy import Comparison, ScoredMasks, load_proxy
from mmboxcaseg.structures import to_rle
from .ious import mask_iou, summarize_ious


def masks_by_id(data: dict) -> Dict[int, dict]:
    """Masks of a COCO file by annotation id.

    Args:
        data (dict): Content of the file. Crowds and annotations that have no
            ``segmentation`` are left out.

    Returns:
        dict[int, dict]: Compressed RLEs.
    """
    sizes = {
        img['id']: (img['height'], img['width'])
        for img in data['images']
    }
    return {
        ann['id']: to_rle(ann['segmentation'], *sizes[ann['image_id']])
        for ann in data['annotations']
        if ann.get('segmentation') and not ann.get('iscrowd', 0)
    }


def evaluate_mask_file(
    pred_file: str, gt_file: str,
    thresholds: Sequence[int] = (50, 75)) -> dict:
    """Compare the masks of a proxy file with the true ones.

    Args:
        pred_file (str): Proxy file.
        gt_file (str): COCO JSON with the true masks of the same annotation
            ids. Crowds are not counted.
        thresholds (Sequence[int]): Each k of IoU@k, in per cent.

    Returns:
        dict[str, float]: See :func:`summarize_ious`.

    Raises:
        FileNotFoundError: A file does not exist.
        InputError: A file is broken, they share no annotation, one of the
            true masks has no counterpart, or the sizes of an image differ.
    """
    pred, truth = load_proxy(pred_file), load_coco(gt_file)
    # A mask without a score is not predicted, the source file had it.
    pred['annotations'] = [
        ann for ann in pred['annotations'] if 'mask_score' in ann
    ]
    masks, true_masks = masks_by_id(pred), masks_by_id(truth)
    anns = [ann for ann in truth['annotations'] if not ann.get('iscrowd', 0)]
    missing = [ann['id'] for ann in anns if ann['id'] not in masks]
    if missing or not anns:
        raise InputError(
            f'{pred_file} has no mask for {len(missing)} of {len(anns)} '
            f'annotations of {gt_file}, the first ids are {missing[:5]}. '
            'Label the boxes of the same file.')
    check_true_masks(anns, {img['id']: img
                            for img in truth['images']}, gt_file)
    ious = [_iou_of_annotation(ann['id'], masks, true_masks) for ann in anns]
    return summarize_ious(ious, [ann['category_id'] for ann in anns],
                          thresholds)


def compare_masks(scored: ScoredMasks, path: str) -> Comparison:
    """Compare the masks of a proxy file with those of another file.

    Args:
        scored (ScoredMasks): The masks of the proxy file.
        path (str): COCO JSON with masks of the same annotation ids: true
            ones, or the same before merging. Crowds are left out.

    Returns:
        Comparison: The masks of ``path`` and how they agree.

    Raises:
        InputError: The files share no mask, or the sizes of an image differ.
    """
    others = masks_by_id(load_coco(path))
    masks = {
        ann_id: scored.rle(i)
        for i, ann_id in enumerate(scored.ids.tolist()) if ann_id in others
    }
    if not masks:
        raise InputError(
            f'{path} has a mask for none of the {len(scored)} annotations of '
            f'{scored.proxy_file}. Name a file with the same annotation ids.')
    ious = np.array([
        _iou_of_annotation(ann_id, masks, others)
        if ann_id in masks else np.nan for ann_id in scored.ids.tolist()
    ])
    known = ~np.isnan(ious)
    return Comparison(path, others, ious,
                      summarize_ious(ious[known], scored.labels[known]))


def _iou_of_annotation(ann_id: int, masks: Dict[int, dict],
                       others: Dict[int, dict]) -> float:
    mask, other = masks[ann_id], others[ann_id]
    if mask['size'] != other['size']:
        raise InputError(
            f'Annotation {ann_id}: its image is {mask["size"]} pixels high '
            f'and wide in one file and {other["size"]} in the other. Name '
            'files of the same images.')
    return mask_iou(mask, other)
