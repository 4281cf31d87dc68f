"""Guess the units of boxes from all boxes of a file."""
from typing import Tuple

import numpy as np

# Share of the boxes that must fit a unit; a few boxes may be faulty.
NEARLY_ALL = 0.95
# If xyxy boxes are read as xywh, at least this share ends outside the image
# (with evenly distributed centres it would be three quarters).
LEAVING = 0.25
# A smaller number of boxes may fit wrong units by chance.
ENOUGH = 10


def box_units(boxes: np.ndarray, sizes: np.ndarray) -> Tuple[str, bool]:
    """Guess the meaning of the four numbers of the boxes of a file.

    Args:
        boxes (np.ndarray): Boxes of the file, has shape (n, 4).
        sizes (np.ndarray): Width and height of their images, has shape (n, 2).

    Returns:
        tuple: 'xywh' (pixels, as it should be), 'xyxy' (pixels: all corners
        are inside the images, but many boxes leave them if read as xywh) or
        'normalised' (all numbers are in [0, 1]); and whether that is certain:
        it holds for all boxes, and there are enough of them.
    """
    if not len(boxes):
        return 'xywh', False
    low, high = boxes[:, :2], boxes[:, 2:]
    normalised = ((boxes >= 0) & (boxes <= 1)).all(axis=1)
    if normalised.mean() >= NEARLY_ALL:
        return 'normalised', bool(normalised.all())
    corners = ((low >= -1) & (high >= low) & (high <= sizes + 1)).all(axis=1)
    # An xyxy box that is read as xywh ends at low + high.
    leaving = (low + high > sizes + 1).any(axis=1)
    if leaving.mean() >= LEAVING and corners.mean() >= NEARLY_ALL:
        return 'xyxy', bool(corners.all() and len(boxes) >= ENOUGH)
    return 'xywh', True
