"""Scores of masks, and which masks are used for training."""
from typing import Union

import cv2
import numpy as np

# Keys of the scores in a proxy file: proxy box agreement, expected IoU.
SCORES = ('mask_score', 'expected_iou')


def is_kept(scores: Union[float, np.ndarray],
            threshold: float) -> Union[bool, np.ndarray]:
    """Whether masks are used for training (Table 8 of the paper).

    Args:
        scores (float | np.ndarray): Scores in [0, 1], of any shape.
        threshold (float): Lowest score of a mask that is used. Empty masks
            (score 0) are never used, not even at threshold 0.

    Returns:
        bool | np.ndarray: Booleans of the same shape.
    """
    # `scores > 0` is for threshold 0, which an empty mask would pass.
    return (scores > 0) & (scores >= threshold)


def expected_iou(mask: np.ndarray, prob: np.ndarray) -> float:
    """Expected IoU of a mask with the true mask, if probabilities are exact.

    It is the expected intersection divided by the expected union: the sum of
    p inside the mask, divided by the pixels of the mask plus the sum of p
    outside it.

    Args:
        mask (np.ndarray): Boolean mask, has shape (h, w).
        prob (np.ndarray): Foreground probabilities p, has shape (h, w).

    Returns:
        float: In [0, 1]; 0 for an empty mask.
    """
    area = np.count_nonzero(mask)
    if not area:
        return 0.
    # OpenCV sums in double precision, and is faster than NumPy.
    inside = area * cv2.mean(prob, mask.astype(np.uint8))[0]
    outside = cv2.sumElems(prob)[0] - inside
    return inside / (area + outside)
