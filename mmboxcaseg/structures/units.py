"""Units of the boxes of a file, detected from all boxes together."""
from typing import Tuple

import numpy as np

# Units that hold for this share of the boxes are those of the file.
NEARLY_ALL = 0.95
# Share of boxes that leave their image. If [x0, y0, x1, y1] is read as [x, y,
# width, height], three in four do, for centres anywhere in the image.
LEAVING = 0.25
# With fewer boxes, one kind may look like the other by chance.
ENOUGH = 10


def box_units(boxes: np.ndarray, sizes: np.ndarray) -> Tuple[str, bool]:
    """Detect what the four numbers of the boxes of a file mean.

    Args:
        boxes (np.ndarray): Boxes of the file, has shape (n, 4).
        sizes (np.ndarray): Width and height of their images in pixels, has
            shape (n, 2).

    Returns:
        tuple: 'xywh' (pixels, as it should be), 'xyxy' (pixels: all corners
        lie inside the images, but many boxes leave them if read as xywh) or
        'normalised' (no number is above 1); and whether this is certain,
        because it holds for all boxes and there are enough of them.
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
