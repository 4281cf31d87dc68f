"""Window masks: a binary mask is stored inside its window, never image-size.

Letters in shapes: H, W image size; (h, w) size of one window; S side of the
square map that the network gives for a window. A window is an integer box
``(x0, y0, x1, y1)``, half-open.
"""
from typing import List, Optional, Sequence, Tuple, Union

import cv2
import numpy as np
from PIL import Image
from pycocotools import mask as mask_utils

from .boxes import tight_box


def binarize_maps(maps: np.ndarray,
                  views: np.ndarray,
                  window: np.ndarray,
                  threshold: float = 0.5,
                  min_max: bool = True,
                  eight_bit: bool = False) -> np.ndarray:
    """Turn the network's maps of a window into the window's mask.

    Args:
        maps (np.ndarray): Foreground probabilities in [0, 1], float32, has
            shape (m, S, S).
        views (np.ndarray): Integer window that each map shows, has shape
            (m, 4); it holds ``window``. The maps are averaged inside it.
        window (np.ndarray): Integer window, has shape (4, ).
        threshold (float): Foreground is above it. Defaults to 0.5.
        min_max (bool): Whether to stretch every map to [0, 1] first, as the
            authors do. A constant map is left as it is. Defaults to True.
        eight_bit (bool): Whether to resize the maps as the authors' code
            does: as 8-bit images, with antialiasing. Defaults to False.

    Returns:
        np.ndarray: Boolean mask, has shape (h, w).
    """
    parts = []
    for prob, (x0, y0, x1, y1) in zip(maps, np.asarray(views).tolist()):
        low, high = prob.min(), prob.max()
        if min_max and high > low:
            prob = (prob - low) / (high - low)
        resized = _resize(prob, (x1 - x0, y1 - y0), eight_bit)
        parts.append(resized[_slices(window[:2], window[2:], (x0, y0))])
    return np.mean(parts, axis=0) > threshold


def _resize(prob: np.ndarray, size: Tuple[int, int],
            eight_bit: bool) -> np.ndarray:
    """Resize a map in [0, 1] to a width and a height."""
    if not eight_bit:
        return cv2.resize(prob, size, interpolation=cv2.INTER_LINEAR)
    small = Image.fromarray((prob * 255).astype(np.uint8))
    return np.asarray(small.resize(size, Image.Resampling.BILINEAR)) / 255


def merge_masks(masks: Sequence[np.ndarray],
                windows: np.ndarray,
                areas: Sequence[float],
                ids: Optional[Sequence[int]] = None) -> List[np.ndarray]:
    """Give every pixel to the smallest object that contains it (section 3.4).

    Objects with the same window and the same mask are one object that was
    annotated twice, for example under two classes: they share their pixels.

    Args:
        masks (Sequence[np.ndarray]): One boolean mask per window, each has
            shape (h, w).
        windows (np.ndarray): Integer windows, has shape (n, 4).
        areas (Sequence[float]): Size of each object (the paper: the area of
            its box), has length n.
        ids (Sequence[int], optional): Of objects of equal size, the one with
            the lower id counts as the smaller. Defaults to their positions.

    Returns:
        list[np.ndarray]: New masks of the same shapes, pairwise disjoint
        but for objects annotated twice.
    """
    merged = [mask.copy() for mask in masks]
    order = np.lexsort((np.arange(len(masks)) if ids is None else ids, areas))
    for rank, large in enumerate(order):
        smaller = order[:rank]
        if not len(smaller):
            continue
        low = np.maximum(windows[smaller, :2], windows[large, :2])
        high = np.minimum(windows[smaller, 2:], windows[large, 2:])
        touching = np.flatnonzero((low < high).all(axis=1))
        twin = next((i for i in smaller[touching]
                     if (windows[i] == windows[large]).all() and (
                         masks[i] == masks[large]).all()), None)
        if twin is not None:
            merged[large] = merged[twin].copy()
            continue
        for k in touching:
            here = _slices(low[k], high[k], windows[large])
            there = _slices(low[k], high[k], windows[smaller[k]])
            # The unmerged mask gives the same as the merged one: pixels that
            # the smaller object lost belong to one that is smaller still.
            merged[large][here] &= ~masks[smaller[k]][there]
    return merged


def agreement(mask: np.ndarray,
              box: Optional[Sequence[int]] = None,
              off_by_one: bool = False) -> float:
    """Proxy box agreement (section 3.4): IoU of mask's box and true box.

    Args:
        mask (np.ndarray): Mask in a window, has shape (h, w).
        box (Sequence[int], optional): True pixel box, xyxy, in pixels of the
            window. Defaults to the whole window.
        off_by_one (bool): Whether the true box counts one pixel too many
            each way, as in the authors' code: a perfect mask then has
            hw / ((h + 1) (w + 1)). Defaults to False.

    Returns:
        float: IoU in [0, 1] of the mask's tight box with the true box; 0 for
        an empty mask.
    """
    x0, y0, x1, y1 = tight_box(mask)
    left, top, right, bottom = box or (0, 0, *mask.shape[::-1])
    inter = (
        max(min(x1, right) - max(x0, left), 0) *
        max(min(y1, bottom) - max(y0, top), 0))
    true = (right - left + off_by_one) * (bottom - top + off_by_one)
    return inter / ((x1 - x0) * (y1 - y0) + true - inter)


def encode_window(mask: np.ndarray, window: np.ndarray, height: int,
                  width: int) -> dict:
    """Encode a window mask as the COCO RLE of the whole image.

    The runs are found inside the window, so that the cost depends on the
    window's size and not on the image's.

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
    # COCO scans columns. A background pixel before every column, and behind
    # the last one, keeps the runs of two columns apart.
    scan = np.zeros(w * (h + 1) + 1, dtype=bool)
    scan[:-1].reshape(w, h + 1)[:, 1:] = mask.T
    edges = np.flatnonzero(scan[1:] != scan[:-1])
    # First and last pixel of every run, then where they are in the image.
    edges[1::2] -= 1
    col, row = np.divmod(edges, h + 1)
    edges = (x0 + col) * height + y0 + row
    edges[1::2] += 1
    if h == height:
        edges = _join_runs(edges)
    counts = np.diff(edges, prepend=0, append=height * width).tolist()
    if len(edges) and counts[-1] == 0:
        counts.pop()
    return to_rle(dict(size=[height, width], counts=counts), height, width)


def decode_window(rle: dict, window: np.ndarray) -> np.ndarray:
    """Decode the part of an RLE that lies in a window.

    Only the window's columns are written, so that the cost depends on the
    window and not on the image: pycocotools decodes all of it.

    Args:
        rle (dict): Compressed RLE of the whole image, ``counts`` is a str.
        window (np.ndarray): Integer window, has shape (4, ).

    Returns:
        np.ndarray: Boolean mask, has shape (h, w).
    """
    x0, y0, x1, y1 = (int(v) for v in window)
    height = rle['size'][0]
    num_pixels = (x1 - x0) * height
    edges = np.cumsum(_run_lengths(rle['counts'])) - x0 * height
    edges = edges.clip(0, num_pixels)
    runs = np.diff(edges, prepend=0, append=num_pixels)
    is_mask = np.arange(len(runs)) % 2 == 1
    columns = np.repeat(is_mask, runs).reshape(x1 - x0, height)
    return columns[:, y0:y1].T


def to_rle(segmentation: Union[list, dict], height: int, width: int) -> dict:
    """Convert any COCO segmentation to a compressed RLE.

    Args:
        segmentation (list | dict): Polygons, uncompressed or compressed RLE.
            An empty list is an empty mask.
        height (int): Image height.
        width (int): Image width.

    Returns:
        dict: Compressed RLE whose ``counts`` is a str, fit for JSON.
    """
    if not segmentation:
        segmentation = dict(size=[height, width], counts=[height * width])
    if isinstance(segmentation, list):
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


def _run_lengths(counts: str) -> np.ndarray:
    """Read the ``counts`` of a compressed RLE.

    A character holds five bits of a number, low ones first, and whether more
    follow. From the fourth on, numbers are differences to the last but one.
    """
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


def _join_runs(edges: np.ndarray) -> np.ndarray:
    """Join runs, (start, stop, start, stop, ...), that touch each other."""
    apart = edges[2::2] != edges[1:-1:2]
    keep = np.concatenate([[True], np.repeat(apart, 2), [True]])
    return edges[keep[:len(edges)]]


def _slices(low: np.ndarray, high: np.ndarray, window: Sequence[int]) -> tuple:
    """Index of the image region ``low``..``high`` inside a window's mask."""
    x0, y0 = low - window[:2]
    x1, y1 = high - window[:2]
    return slice(y0, y1), slice(x0, x1)
