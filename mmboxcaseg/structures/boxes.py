"""Box arithmetic: boxes are xyxy and half-open, ``[x0, x1) x [y0, y1)``."""
from typing import Dict, Optional, Sequence, Tuple, Union

import cv2
import numpy as np


def xywh_to_xyxy(boxes: Sequence) -> np.ndarray:
    """Convert boxes from COCO's form to corners.

    Args:
        boxes (Sequence): [x, y, width, height], has shape (4, ) or (n, 4).

    Returns:
        np.ndarray: xyxy, float64, same shape; (0, 4) for an empty list.
    """
    boxes = np.array(boxes, dtype=np.float64)
    if not boxes.size:
        return boxes.reshape(0, 4)
    boxes[..., 2:] += boxes[..., :2]
    return boxes


def box_faults(boxes: np.ndarray, sizes: np.ndarray) -> Dict[str, np.ndarray]:
    """Find the boxes that cannot be used; each has only its first fault.

    Args:
        boxes (np.ndarray): Boxes in pixels, has shape (n, 4), xyxy.
        sizes (np.ndarray): Width and height of their images, has shape
            (n, 2) or (2, ).

    Returns:
        dict[str, np.ndarray]: Booleans of shape (n, ) by fault:
        'box-inverted' (negative width or height), 'box-zero' (width or
        height 0) and 'box-outside' (no pixel inside the image).
    """
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    width, height = np.asarray(sizes).T
    extent = boxes[:, 2:] - boxes[:, :2]
    # Same rule as for crops: a box with a pixel in the image is usable.
    inside = pixel_boxes(boxes, height, width)
    inverted = (extent < 0).any(axis=1)
    zero = (extent == 0).any(axis=1) & ~inverted
    outside = (inside[:, :2] >= inside[:, 2:]).any(axis=1)
    return {
        'box-inverted': inverted,
        'box-zero': zero,
        'box-outside': outside & ~inverted & ~zero
    }


def pixel_boxes(boxes: np.ndarray,
                height: Union[int, np.ndarray],
                width: Union[int, np.ndarray],
                truncate: bool = False) -> np.ndarray:
    """Snap boxes to the pixel grid and clip them to the image.

    Args:
        boxes (np.ndarray): Boxes in pixels, has shape (n, 4), xyxy.
        height (int | np.ndarray): Image height, or one per box (n, ).
        width (int | np.ndarray): Image width, or one per box (n, ).
        truncate (bool): Whether to drop the fractions of corner and size,
            int(x) and int(width), as the authors' code does, instead of
            snapping outward. Defaults to False.

    Returns:
        np.ndarray: Integer boxes (int64), has shape (n, 4). Boxes outside
        the image become empty (with ``truncate``, those that are outside
        after truncation); all others hold at least one pixel.
    """
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    if truncate:
        # The authors' int(x) + int(w). x + w - x differs from w by rounding
        # errors of about 1e-12, which must not turn 5.0 into 4.
        extent = np.trunc(np.round(boxes[:, 2:] - boxes[:, :2], 9))
        corner = np.trunc(boxes[:, :2])
        snapped = np.hstack([corner, corner + extent])
    else:
        # Tolerance: 480.00001 is 480 from a float32 program, not row 481.
        low, high = boxes[:, :2] + 1e-4, boxes[:, 2:] - 1e-4
        snapped = np.hstack([np.floor(low), np.ceil(high)])
    snapped[:, 2:] = np.maximum(snapped[:, 2:], snapped[:, :2] + 1)
    limit = np.array([width, height, width, height]).T
    return np.clip(snapped, 0, limit).astype(np.int64)


def label_windows(boxes: np.ndarray,
                  height: int,
                  width: int,
                  truncate: bool = False,
                  instead: Optional[np.ndarray] = None) -> np.ndarray:
    """Find the windows of the masks of an image; no window is empty.

    Args:
        boxes (np.ndarray): Boxes in pixels, has shape (n, 4), xyxy.
        height (int): Image height.
        width (int): Image width.
        truncate (bool): See :func:`pixel_boxes`.
        instead (np.ndarray, optional): Boxes inside the image, has shape
            (n, 4), that replace boxes without a pixel in the image. They are
            rounded outward. Defaults to the boxes themselves.

    Returns:
        np.ndarray: Integer boxes (int64), has shape (n, 4).
    """
    windows = pixel_boxes(boxes, height, width, truncate)
    lost = (windows[:, :2] >= windows[:, 2:]).any(axis=1)
    instead = boxes if instead is None else instead
    windows[lost] = pixel_boxes(instead[lost], height, width)
    return windows


def jitter_box(box: np.ndarray,
               shift: Sequence[float],
               scale: Sequence[float],
               centred: bool = False) -> np.ndarray:
    """Move and stretch a box (listing of section 3.2.2 of the paper).

    The top-left corner moves by ``shift`` times the size of the box, then
    the size is multiplied by ``scale``.

    Args:
        box (np.ndarray): One box in pixels, has shape (4, ), xyxy.
        shift (Sequence[float]): Shift of x and y; U(-0.25, 0.25) in the paper.
        scale (Sequence[float]): Factor of width and height; U(0.5, 1.5) in
            the paper.
        centred (bool): Whether the centre moves by ``shift`` times half the
            size and the box is stretched about it, as in the authors' code.
            Defaults to False.

    Returns:
        np.ndarray: The new box, has shape (4, ), xyxy, not clipped.
    """
    size = box[2:] - box[:2]
    shift, new_size = np.asarray(shift) * size, np.asarray(scale) * size
    corner = box[:2] + shift
    if centred:
        corner = box[:2] + shift / 2 + (size - new_size) / 2
    return np.concatenate([corner, corner + new_size])


def tight_box(mask: np.ndarray) -> Tuple[int, int, int, int]:
    """Find the smallest box that holds the foreground of a mask.

    Args:
        mask (np.ndarray): Binary mask, has shape (h, w).

    Returns:
        tuple[int]: xyxy and half-open, in pixels of the mask; (0, 0, 0, 0)
        for an empty mask.
    """
    x, y, w, h = cv2.boundingRect(np.ascontiguousarray(mask, dtype=np.uint8))
    return x, y, x + w, y + h
