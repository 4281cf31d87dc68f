"""Masks of one image that overlap: which object keeps a pixel.

Letters in shapes: (h, w) size of one window; n objects.
"""
from functools import lru_cache
from typing import Callable, List, Optional, Sequence, Tuple

import numpy as np

from mmboxcaseg import InputError
from .masks import window_slices

# Returns the foreground probabilities of mask number i, float, (h, w).
Probability = Callable[[int], np.ndarray]

# How many times as high the probability of the smaller object must be for the
# rule 'probability'. With 1, chance decides too much (docs/proxy_file.md).
PROBABILITY_RATIO = 1.1
MERGE_RULES = dict(
    box='a pixel goes to the object with the smallest box (the paper)',
    mask='a pixel goes to the object with the smallest mask',
    quarter="as 'box', but only an object whose box is more than four times "
    'as large gives up the pixel',
    probability="as 'box', but only where the probability of the smaller "
    f'object is more than {PROBABILITY_RATIO} times as high')


def check_merge_rule(rule: Optional[str], has_probability: bool) -> None:
    """Check the name of a merge rule.

    Args:
        rule (str, optional): Key of ``MERGE_RULES``. None: no merging.
        has_probability (bool): Whether the probabilities are known.

    Raises:
        InputError: The rule is unknown, or needs unknown probabilities.
    """
    if rule is not None and rule not in MERGE_RULES:
        raise InputError(f'merge_by={rule!r} must be None or one of '
                         f'{list(MERGE_RULES)}.')
    if rule == 'probability' and not has_probability:
        raise InputError(
            "merge_by='probability' needs the probabilities of a labeller, "
            'which masks of other sources do not have. Choose another rule.')


def merge_masks(masks: Sequence[np.ndarray],
                windows: np.ndarray,
                areas: Sequence[float],
                ids: Optional[Sequence[int]] = None,
                rule: str = 'box',
                probability: Optional[Probability] = None,
                boxes: Optional[np.ndarray] = None) -> List[np.ndarray]:
    """Let objects give up pixels to smaller ones that contain them.

    With the rules 'box' (section 3.4) and 'mask' the smallest object gets
    every pixel. With 'quarter' and 'probability' some pixels stay shared.
    Objects with the same pixel box and the same mask are one object that was
    annotated twice, for example under two classes: they share their pixels.

    Args:
        masks (Sequence[np.ndarray]): n boolean masks, each of shape (h, w).
        windows (np.ndarray): Their integer windows, has shape (n, 4).
        areas (Sequence[float]): n sizes (the paper: the areas of the boxes).
        ids (Sequence[int], optional): Of objects of equal size, the one with
            the lower id counts as the smaller. Defaults to their positions.
        rule (str): Key of ``MERGE_RULES``. Defaults to 'box'.
        probability (Callable, optional): For 'probability': returns the
            foreground probabilities of mask number i, of its shape.
        boxes (np.ndarray, optional): Pixel boxes inside the windows, has
            shape (n, 4). Defaults to the windows.

    Returns:
        list[np.ndarray]: New masks of the same shapes, parts of the old ones.
        With 'box' and 'mask' they are disjoint except for objects annotated
        twice.

    Raises:
        InputError: See :func:`check_merge_rule`.
    """
    check_merge_rule(rule, probability is not None)
    # A network's masks are computed on every access: read them only once.
    masks = list(masks)
    areas = np.array([m.sum() for m in masks] if rule == 'mask' else areas)
    # Small: maps of large objects would fill the memory. It holds the larger
    # object's map, which is compared with several smaller ones.
    prob = lru_cache(maxsize=4)(probability) if probability else None
    merged = [mask.copy() for mask in masks]
    places = windows if boxes is None else np.hstack([windows, boxes])
    order = np.lexsort((np.arange(len(masks)) if ids is None else ids, areas))
    for rank, large in enumerate(order):
        smaller, common = _overlapping(windows, large, order[:rank])
        same = next(
            (i for i in smaller if np.array_equal(places[i], places[large])
             and np.array_equal(masks[i], masks[large])), None)
        if same is not None:
            merged[large] = merged[same].copy()
            continue
        for small, part in zip(smaller, common):
            if rule == 'quarter' and 4 * areas[small] >= areas[large]:
                continue
            here = window_slices(part[:2], part[2:], windows[large])
            there = window_slices(part[:2], part[2:], windows[small])
            # The unmerged mask gives the same result as the merged one:
            # pixels that the smaller object lost went to an even smaller one,
            # which by each of the rules takes them from the larger, too.
            lost = masks[small][there]
            if rule == 'probability' and (masks[large][here] & lost).any():
                rival = PROBABILITY_RATIO * prob(large)[here]
                lost = lost & (prob(small)[there] > rival)
            merged[large][here] &= ~lost
    return merged


def _overlapping(windows: np.ndarray, large: int,
                 smaller: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Which objects overlap the window of one; and where, has shape (k, 4)."""
    low = np.maximum(windows[smaller, :2], windows[large, :2])
    high = np.minimum(windows[smaller, 2:], windows[large, 2:])
    found = (low < high).all(axis=1)
    return smaller[found], np.hstack([low, high])[found]
