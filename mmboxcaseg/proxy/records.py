"""Merge and score the masks of one image (section 3.4 of the paper)."""
from math import isfinite
from typing import List, Optional, Sequence, Tuple

import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.structures import (agreement, encode_window, expected_iou,
                                   is_kept, merge_masks)
from mmboxcaseg.structures.merging import Probability


def merge_and_score(
    masks: Sequence[np.ndarray],
    windows: np.ndarray,
    areas: Sequence[float],
    ids: Optional[Sequence[int]] = None,
    merge_by: Optional[str] = 'box',
    off_by_one: bool = False,
    boxes: Optional[np.ndarray] = None,
    probability: Optional[Probability] = None
) -> Tuple[List[np.ndarray], List[float]]:
    """Merge the masks of one image, then score them.

    Args:
        masks (Sequence[np.ndarray]): n boolean masks, as large as their
            windows.
        windows (np.ndarray): Integer windows, has shape (n, 4), xyxy.
        areas (Sequence[float]): Areas of the n boxes.
        ids (Sequence[int], optional): See :func:`merge_masks`.
        merge_by (str, optional): The rule of :func:`merge_masks`. None leaves
            the masks as they are. Defaults to 'box' (the paper).
        off_by_one (bool): See :func:`agreement`. Defaults to False.
        boxes (np.ndarray, optional): True pixel boxes inside the windows, has
            shape (n, 4), xyxy. Defaults to the windows.
        probability (Callable, optional): See :func:`merge_masks`.

    Returns:
        tuple: The masks in their windows; and their scores in [0, 1].
    """
    # A network's masks are computed on every access: read them only once.
    masks = list(masks)
    if merge_by is not None:
        masks = merge_masks(masks, windows, areas, ids, merge_by, probability,
                            boxes)
    inside = (windows if boxes is None else boxes) - np.tile(windows[:, :2], 2)
    return masks, [
        agreement(mask, box, off_by_one)
        for mask, box in zip(masks, inside.tolist())
    ]


def estimate_iou(mask: np.ndarray,
                 i: int,
                 probability: Optional[Probability] = None,
                 expected_ious: Optional[Sequence[Optional[float]]] = None,
                 name: Optional[str] = None) -> Optional[float]:
    """Estimate the IoU of a merged mask with the unknown true mask.

    Args:
        mask (np.ndarray): The merged mask, boolean, has shape (h, w).
        i (int): Its number in the image.
        probability, expected_ious: See :func:`make_records`.
        name (str, optional): Its name in a message. Defaults to its number.

    Returns:
        float, optional: In [0, 1], 0 for an empty mask: the IoU that the
        model itself predicts, or else :func:`expected_iou`. None if neither
        is known; with ``expected_ious``, only for a mask that is not empty.

    Raises:
        InputError: The model's IoU or probabilities are not finite.
    """
    if expected_ious is None:
        iou = expected_iou(mask, probability(i)) if probability else None
    else:
        iou = expected_ious[i]
        if iou is None and not mask.any():
            iou = 0.
    if iou is None:
        return None
    if not isfinite(iou):
        raise InputError(
            f'{name or f"mask {i}"}: its expected IoU is {iou}, so the model '
            'computes numbers that are not finite. Check its weights, and do '
            'not use float16 (--amp).')
    return clip_iou(iou) if mask.any() else 0.


def clip_iou(iou: float) -> float:
    """Clip an IoU to [0, 1]. SAM predicts it by regression: 1.02 occurs."""
    return min(max(float(iou), 0.), 1.)


def make_records(ann_ids: Sequence[int],
                 masks: Sequence[np.ndarray],
                 windows: np.ndarray,
                 areas: Sequence[float],
                 shape: Tuple[int, int],
                 mask_weight_thr: Optional[float] = None,
                 probability: Optional[Probability] = None,
                 expected_ious: Optional[Sequence[Optional[float]]] = None,
                 **kwargs) -> List[dict]:
    """Merge, score and encode the masks of one image.

    Args:
        ann_ids (Sequence[int]): Ids of the n annotations.
        masks, windows, areas: See :func:`merge_and_score`.
        shape (tuple[int]): Height and width of the image.
        mask_weight_thr (float, optional): Masks that are not kept at this
            threshold, see :func:`is_kept`, get ``mask_weight`` 0. Defaults to
            None: no weight is written.
        probability (Callable, optional): Returns the foreground probabilities
            of mask number i, float, of the same shape. Defaults to None:
            they are not known.
        expected_ious (Sequence[float], optional): The IoU that the model
            itself predicts for each mask, or None for a mask. Defaults to
            None: :func:`expected_iou`, if ``probability`` is given.
        kwargs: Other arguments of :func:`merge_and_score`.

    Returns:
        list[dict]: One per annotation, for :meth:`ProxyWriter.append`: ``id``,
        ``segmentation`` (compressed RLE), ``mask_score`` and, where it is
        known, ``expected_iou`` in [0, 1], which is 0 for an empty mask.

    Raises:
        InputError: See :func:`estimate_iou`; it names the annotation.
    """
    masks, scores = merge_and_score(
        masks, windows, areas, ann_ids, probability=probability, **kwargs)
    records = []
    for i, (ann_id, mask, window,
            score) in enumerate(zip(ann_ids, masks, windows, scores)):
        rle, score = encode_window(mask, window, *shape), round(score, 6)
        record = dict(id=int(ann_id), segmentation=rle, mask_score=score)
        # One map at a time: maps of large objects would fill the memory.
        iou = estimate_iou(mask, i, probability, expected_ious,
                           f'annotation {ann_id}')
        if iou is not None:
            record['expected_iou'] = round(iou, 6)
        if mask_weight_thr is not None and not is_kept(score, mask_weight_thr):
            record['mask_weight'] = 0
        records.append(record)
    return records
