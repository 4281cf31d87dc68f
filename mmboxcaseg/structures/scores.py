"""Which masks are used for training, by their scores."""
from typing import Union

import numpy as np


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
