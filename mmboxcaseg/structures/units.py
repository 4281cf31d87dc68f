"""Guess the units of the boxes of a file from all of them together."""
from typing import Tuple

import numpy as np

# The share of boxes that must fit some units: a file may have faulty boxes.
NEARLY_ALL = 0.95
# At least this share leaves the image if corners are read as corner and size
# (three in four would if their centres were distributed evenly).
LEAVING = 0.25
# Fewer boxes may fit wrong units by chance.
ENOUGH = 10


def box_units(boxes: np.ndarray, sizes: np.ndarray) -> Tuple[str, bool]:
    """Guess what the four numbers of the boxes of a file mean.

    Args:
        boxes (np.ndarray): Boxes of the file, has shape (n, 4).
        sizes (np.ndarray): Width and height of their images, has shape (n, 2).

    Returns:
        tuple: 'xywh' (pixels, as it should be), 'xyxy' (pixels: all corners
        are inside the images, but many boxes leave them if read as xywh) or
        'normalised' (nothing is above 1); and whether that is certain: it
        holds for all boxes, and there are enough of them.
    """
    if not len(boxes):
        return 'xywh', False
    low, high = boxes[:, :2], boxes[:, 2:]
    normalised = ((boxes >= 0) & (boxes <= 1)).all(axis=1)
    if normalised.mean() >= NEARLY_ALL:
        return 'normalised', bool(normalised.all())
    corners = ((low >= -1) & (high >= low) & (high <= sizes + 1)).all(axis=1)
    # A box that is read as xywh but is xyxy ends at low + high.
    leaving = (low + high > sizes + 1).any(axis=1)
    if leaving.mean() >= LEAVING and corners.mean() >= NEARLY_ALL:
        return 'xyxy', bool(corners.all() and len(boxes) >= ENOUGH)
    return 'xywh', True
