"""Which units the boxes of a file are in, told by all of them together."""
from typing import Tuple

import numpy as np

# Boxes with a fraction of other boxes among them are still of their units.
NEARLY_ALL = 0.95
# Of [x0, y0, x1, y1] read as [x, y, width, height] three in four would leave
# their image if their centres were anywhere.
LEAVING = 0.25
# With fewer boxes chance may make the one look like the other.
ENOUGH = 10


def box_units(boxes: np.ndarray, sizes: np.ndarray) -> Tuple[str, bool]:
    """Tell what the four numbers of the boxes of a file mean.

    Args:
        boxes (np.ndarray): Boxes of the file, has shape (n, 4).
        sizes (np.ndarray): Width and height of their images in pixels, has
            shape (n, 2).

    Returns:
        tuple: 'xywh' (pixels, as it should be), 'xyxy' (pixels: all corners
        lie inside the images, but many boxes leave them if read as xywh) or
        'normalised' (nothing is above 1); and whether it is beyond doubt:
        true of all boxes, and there are enough of them.
    """
    if not len(boxes):
        return 'xywh', False
    low, high = boxes[:, :2], boxes[:, 2:]
    normalised = ((boxes >= 0) & (boxes <= 1)).all(axis=1)
    if normalised.mean() >= NEARLY_ALL:
        return 'normalised', bool(normalised.all())
    corners = ((low >= -1) & (high >= low) & (high <= sizes + 1)).all(axis=1)
    leaving = (low + high > sizes + 1).any(axis=1)
    if leaving.mean() >= LEAVING and corners.mean() >= NEARLY_ALL:
        return 'xyxy', bool(corners.all() and len(boxes) >= ENOUGH)
    return 'xywh', True
