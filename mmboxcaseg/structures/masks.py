"""Window masks: a binary mask is stored in its window, not in image size.

Letters in shapes: H, W image size; (h, w) size of one window; S side of the
square map that the network gives for a window. A window is an integer box,
xyxy and half-open.
"""
from typing import Optional, Sequence, Union

import cv2
import numpy as np
from PIL import Image
from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from .boxes import tight_box


def binarize_maps(maps: np.ndarray,
                  views: np.ndarray,
                  window: np.ndarray,
                  threshold: float = 0.5,
                  min_max: bool = True,
                  eight_bit: bool = False) -> np.ndarray:
    """Turn the maps that the network predicts into the mask of a window.

    Args:
        maps (np.ndarray): Foreground probabilities, float32, shape (m, S, S).
        views (np.ndarray): Integer window that each map shows, has shape
            (m, 4). Each holds ``window``, where the maps are averaged.
        window (np.ndarray): Integer window, has shape (4, ).
        threshold (float): Foreground is above it. Defaults to 0.5.
        min_max (bool): Whether to stretch every map to [0, 1] first, as the
            authors do. A constant map is left as it is. Defaults to True.
        eight_bit (bool): Whether to resize the maps as 8-bit images, with
            antialiasing, as the authors' code does. Defaults to False.

    Returns:
        np.ndarray: Boolean mask, has shape (h, w).
    """
    return window_map(maps, views, window, min_max, eight_bit) > threshold


def window_map(maps: np.ndarray,
               views: np.ndarray,
               window: np.ndarray,
               min_max: bool = False,
               eight_bit: bool = False) -> np.ndarray:
    """Resize the maps that the network predicts to a window; average them.

    Args:
        maps, views, window, min_max, eight_bit: See :func:`binarize_maps`.

    Returns:
        np.ndarray: Foreground probabilities, float, has shape (h, w).
    """
    parts = []
    for prob, (x0, y0, x1, y1) in zip(maps, np.asarray(views).tolist()):
        low, high = prob.min(), prob.max()
        if min_max and high > low:
            prob = (prob - low) / (high - low)
        size = (x1 - x0, y1 - y0)
        if eight_bit:
            image = Image.fromarray((prob * 255).astype(np.uint8))
            image = image.resize(size, Image.Resampling.BILINEAR)
            prob = np.asarray(image) / 255
        else:
            prob = cv2.resize(prob, size, interpolation=cv2.INTER_LINEAR)
        parts.append(prob[window_slices(window[:2], window[2:], (x0, y0))])
    return np.mean(parts, axis=0)


def sample_map(values: np.ndarray, view: Sequence[float],
               window: Sequence[int]) -> np.ndarray:
    """Interpolate a map at the pixels of a window, bilinearly.

    Only these pixels are computed, not those of the whole image.

    Args:
        values (np.ndarray): The map, float32, has shape (h', w'), both 2 or
            more.
        view (Sequence[float]): The box that the map shows, in pixels of the
            image, xyxy. Outside of it the border is repeated.
        window (Sequence[int]): Integer window, xyxy.

    Returns:
        np.ndarray: float32, has shape (h, w).
    """
    for axis in (0, 1):
        # Rows are y, columns are x. Values stand for the centres of pixels.
        (low, high), (first, last) = view[1 - axis::2], window[1 - axis::2]
        size = values.shape[axis]
        place = (np.arange(first, last) + 0.5 - low) * size / (high - low)
        place = (place - 0.5).clip(0, size - 1)
        before = np.minimum(place.astype(int), size - 2)
        share = np.expand_dims(np.float32(place - before), 1 - axis)
        start, end = (values.take(before + k, axis) for k in (0, 1))
        values = start + share * (end - start)
    return values


def agreement(mask: np.ndarray,
              box: Optional[Sequence[int]] = None,
              off_by_one: bool = False) -> float:
    """Proxy box agreement (section 3.4): IoU of the mask's and the true box.

    Args:
        mask (np.ndarray): Mask in a window, has shape (h, w).
        box (Sequence[int], optional): True pixel box, xyxy, relative to the
            window. Defaults to the whole window.
        off_by_one (bool): Whether the true box is one pixel too wide and too
            high, as in the authors' code: a perfect mask then has
            hw / ((h + 1) (w + 1)). Defaults to False.

    Returns:
        float: IoU in [0, 1]; 0 for an empty mask.
    """
    x0, y0, x1, y1 = tight_box(mask)
    left, top, right, bottom = box or (0, 0, *mask.shape[::-1])
    inter_w = max(min(x1, right) - max(x0, left), 0)
    inter = inter_w * max(min(y1, bottom) - max(y0, top), 0)
    true = (right - left + off_by_one) * (bottom - top + off_by_one)
    return inter / ((x1 - x0) * (y1 - y0) + true - inter)


def encode_window(mask: np.ndarray, window: np.ndarray, height: int,
                  width: int) -> dict:
    """Encode a window mask as the COCO RLE of the whole image.

    The runs are found inside the window, so the cost depends on the size of
    the window, not of the image.

    Args:
        mask (np.ndarray): Binary mask, has shape (h, w).
        window (np.ndarray): Integer window, has shape (4, ).
        height (int): Image height H.
        width (int): Image width W.

    Returns:
        dict: Compressed RLE, ``size`` [H, W] and ``counts`` (str).
    """
    x0, y0 = int(window[0]), int(window[1])
    h, w = mask.shape
    # COCO scans columns. A background pixel before every column and after
    # the last one separates the runs of different columns.
    scan = np.zeros(w * (h + 1) + 1, dtype=bool)
    scan[:-1].reshape(w, h + 1)[:, 1:] = mask.T
    edges = np.flatnonzero(scan[1:] != scan[:-1])
    # First and last pixel of each run, then their positions in the image.
    edges[1::2] -= 1
    col, row = np.divmod(edges, h + 1)
    edges = (x0 + col) * height + y0 + row
    edges[1::2] += 1
    if h == height:
        # Without a gap between columns, a run at the end of one column and a
        # run at the start of the next one are one run: drop the common edge.
        edges, times = np.unique(edges, return_counts=True)
        edges = edges[times == 1]
    counts = np.diff(edges, prepend=0, append=height * width).tolist()
    if not counts[-1]:
        counts.pop()
    return to_rle(dict(size=[height, width], counts=counts), height, width)


def decode_window(rle: dict, window: np.ndarray) -> np.ndarray:
    """Decode the part of an RLE that lies in a window.

    Only the columns of the window are written: pycocotools would decode the
    whole image.

    Args:
        rle (dict): Compressed RLE of the whole image, ``counts`` is a str.
        window (np.ndarray): Integer window, has shape (4, ).

    Returns:
        np.ndarray: Boolean mask, has shape (h, w).
    """
    x0, y0, x1, y1 = (int(v) for v in window)
    height = rle['size'][0]
    num_pixels = (x1 - x0) * height
    edges = np.cumsum(run_lengths(rle['counts'])) - x0 * height
    edges = edges.clip(0, num_pixels)
    runs = np.diff(edges, prepend=0, append=num_pixels)
    is_mask = np.arange(len(runs)) % 2 == 1
    columns = np.repeat(is_mask, runs).reshape(x1 - x0, height)
    return columns[:, y0:y1].T


def extend_window(window: np.ndarray, rle: dict) -> np.ndarray:
    """Extend a window so that it contains a mask.

    Args:
        window (np.ndarray): Integer window, has shape (4, ).
        rle (dict): RLE of the whole image. An empty mask changes nothing.

    Returns:
        np.ndarray: Integer window (int64), has shape (4, ).
    """
    x, y, w, h = mask_utils.toBbox(rle).astype(np.int64)
    if not w:
        return window
    low = np.minimum(window[:2], [x, y])
    high = np.maximum(window[2:], [x + w, y + h])
    return np.concatenate([low, high])


def run_lengths(counts: str) -> np.ndarray:
    """Decode the ``counts`` of a compressed RLE.

    Each character holds five bits of a number, the lowest bits first, and a
    flag whether more follow. From the fourth number on, the difference to the
    number two positions before is stored.

    Args:
        counts (str): The string.

    Returns:
        np.ndarray: Pixels of background and foreground in turn.

    Raises:
        InputError: The last number is cut off.
    """
    if not counts or ord(counts[-1]) - 48 >= 32:
        raise InputError('`counts` are cut off')
    # COCO adds 48, the code of '0', to every character; 32 is the flag.
    chars = np.frombuffer(counts.encode('ascii'), np.uint8).astype(int) - 48
    last = np.flatnonzero(chars < 32)
    num_chars = np.diff(last, prepend=-1)
    first = last - num_chars + 1
    place = np.arange(len(chars)) - np.repeat(first, num_chars)
    runs = np.add.reduceat((chars % 32) << (5 * place), first)
    runs -= np.where(chars[last] & 16, 1 << (5 * num_chars), 0)
    for start in (1, 2):
        runs[start::2] = runs[start::2].cumsum()
    return runs


def to_rle(segmentation: Union[list, dict], height: int, width: int) -> dict:
    """Convert any COCO segmentation to a compressed RLE.

    Args:
        segmentation (list | dict): Polygons (none: an empty mask),
            uncompressed or compressed RLE.
        height (int): Image height.
        width (int): Image width.

    Returns:
        dict: Compressed RLE whose ``counts`` is a str, as JSON requires.
    """
    if not segmentation:
        segmentation = dict(size=[height, width], counts=[height * width])
    if isinstance(segmentation, list):
        # Polygons are parts of one object, so their union is used.
        rle = mask_utils.merge(
            mask_utils.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation['counts'], list):
        rle = mask_utils.frPyObjects(segmentation, height, width)
    else:
        rle = segmentation
    counts = rle['counts']
    if isinstance(counts, bytes):
        counts = counts.decode('ascii')
    return dict(size=[height, width], counts=counts)


def window_slices(low: np.ndarray, high: np.ndarray,
                  window: Sequence[int]) -> tuple:
    """Index of the image region ``low``..``high`` inside a window's mask."""
    x0, y0 = low - window[:2]
    x1, y1 = high - window[:2]
    return slice(y0, y1), slice(x0, x1)
