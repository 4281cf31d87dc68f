"""Combine the masks of several sources to one mask per box."""
from collections import Counter
from itertools import combinations
from math import comb, inf
from typing import Dict, Iterator, Optional, Sequence, Tuple

import numpy as np
from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import CocoBoxes
from mmboxcaseg.structures import (decode_window, encode_window, label_windows,
                                   to_rle, xywh_to_xyxy)
from .matching import Matches

COMBINE_RULES = dict(
    surest='the mask with the highest expected IoU',
    majority='the pixels of more than half of the masks; a pixel of exactly '
    'half of them only if it is in the surest mask')


def combine_sources(found: Dict[str, Matches],
                    coco: CocoBoxes,
                    rule: str,
                    use_agreement: bool = False,
                    clip: bool = True,
                    truncate: bool = False) -> Tuple[Matches, Counter]:
    """Combine the masks that several sources have for the same boxes.

    The surest mask is the one with the highest expected IoU. If several masks
    are equally sure, or none has an expected IoU, it is the mask of the first
    source. A mask without pixels, or with ``mask_weight`` 0, does not count.

    Args:
        found (dict[str, Matches]): The masks, by name of the source.
        coco (CocoBoxes): The boxes.
        rule (str): A key of ``COMBINE_RULES``.
        use_agreement (bool): Whether the :func:`agreement_of_masks` becomes
            the expected IoU. Defaults to False: a mask of one source keeps
            its own expected IoU, and a majority mask has none.
        clip (bool): Whether to remove what lies outside the pixel boxes.
        truncate (bool): See :func:`pixel_boxes`.

    Returns:
        tuple: The masks, with ``sources``; and counts: ``outside``, masks of
        sources that leave their pixel box; ``dropped``, those with weight 0;
        ``unweighted``, majority masks of which a source has a weight; and k,
        boxes with k masks.

    Raises:
        InputError: The surest masks are wanted, but no mask has an expected
            IoU.
    """
    if rule == 'surest' and not any(m.expected_ious for m in found.values()):
        raise InputError(
            f'no mask of {", ".join(found)} has an `expected_iou`, so the '
            'surest one is unknown. Combine them by majority, or write the '
            'IoU that their model predicts as `expected_iou`.')
    combined, counts = Matches(), Counter()
    for ann_id, box, size in _boxes(coco, truncate):
        # Without clipping, a mask may be anywhere in the image.
        window = box if clip else np.array([0, 0, *size[::-1]])
        masks = _decode(ann_id, found, window, size, counts)
        counts[len(masks)] += 1
        if masks:
            mask, name = _combine(ann_id, masks, found, rule)
            combined[ann_id] = encode_window(mask, window, *size)
            if name is None:
                combined.sources[ann_id] = f'majority of {", ".join(masks)}'
                counts['unweighted'] += any(ann_id in found[key].weights
                                            for key in masks)
            else:
                _copy_details(ann_id, name, found[name], combined)
        if use_agreement:
            combined.expected_ious[ann_id] = round(
                agreement_of_masks([*masks.values()], len(found)), 6)
    return combined, counts


def agreement_of_masks(masks: Sequence[np.ndarray], total: int) -> float:
    """Mean IoU of the masks of all pairs of sources.

    Args:
        masks (Sequence[np.ndarray]): The masks of one box, none of them
            empty, boolean, each has shape (h, w).
        total (int): Number of sources, at least 2. A source without a mask
            has IoU 0 with all others.

    Returns:
        float: In [0, 1].
    """
    ious = [(a & b).sum() / (a | b).sum() for a, b in combinations(masks, 2)]
    return float(sum(ious) / comb(total, 2))


def _boxes(coco: CocoBoxes,
           truncate: bool) -> Iterator[Tuple[int, np.ndarray, tuple]]:
    """Yield annotation id, pixel box and image size (H, W) of every box."""
    for img_id, anns in coco.annotations.items():
        size = coco.images[img_id]['height'], coco.images[img_id]['width']
        corners = xywh_to_xyxy([ann['bbox'] for ann in anns])
        for ann, box in zip(anns, label_windows(corners, *size, truncate)):
            yield ann['id'], box, size


def _decode(ann_id: int, found: Dict[str, Matches], window: np.ndarray,
            size: Tuple[int, int], counts: Counter) -> Dict[str, np.ndarray]:
    """The masks (h, w) of a box that have a pixel in a window, by source."""
    masks = {}
    for name, matches in found.items():
        if matches.weights.get(ann_id) == 0:
            counts['dropped'] += 1
        elif ann_id in matches:
            rle = to_rle(matches[ann_id], *size)
            mask = decode_window(rle, window)
            counts['outside'] += int(mask.sum() < mask_utils.area(rle))
            if mask.any():
                masks[name] = mask
    return masks


def _combine(ann_id: int, masks: Dict[str, np.ndarray], found: Dict[str,
                                                                    Matches],
             rule: str) -> Tuple[np.ndarray, Optional[str]]:
    """One mask (h, w), and its source if it is the mask of a single one."""
    ious = {name: found[name].expected_ious.get(ann_id) for name in masks}
    surest = max(
        masks, key=lambda name: -inf if ious[name] is None else ious[name])
    if rule == 'surest' or len(masks) == 1:
        return masks[surest], surest
    # Half an extra vote for the surest mask decides ties, and nothing else.
    votes = sum(masks.values(), masks[surest] / 2)
    return votes > len(masks) / 2, None


def _copy_details(ann_id: int, name: str, source: Matches,
                  combined: Matches) -> None:
    """Copy what a source with this name says about its mask."""
    combined.sources[ann_id] = source.sources.get(ann_id, name)
    if ann_id in source.expected_ious:
        combined.expected_ious[ann_id] = source.expected_ious[ann_id]
    if ann_id in source.weights:
        combined.weights[ann_id] = source.weights[ann_id]
