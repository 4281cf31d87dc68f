"""Choose the masks that the report shows, and draw their thumbnails."""
import os.path as osp
from typing import Dict, List, Optional, Tuple

import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import read_image
from mmboxcaseg.proxy import Comparison, ScoredMasks
from mmboxcaseg.structures import decode_window
from ..drawing import Instance, context_window, draw_thumbnail


def order_by_score(masks: ScoredMasks,
                   best_first: bool,
                   scores: Optional[np.ndarray] = None) -> np.ndarray:
    """Sort masks by score, and masks of equal score by area, largest first.

    Args:
        masks (ScoredMasks): The n masks.
        best_first (bool): Whether the highest score comes first.
        scores (np.ndarray, optional): Another score than the agreement, NaN
            (last) where unknown, has shape (n, ).

    Returns:
        np.ndarray: Indices of the masks, has shape (n, ).
    """
    scores = masks.scores if scores is None else scores
    if best_first:
        scores = -scores
    # lexsort() sorts by its last key first.
    return np.lexsort((masks.ids, -masks.areas, scores))


def first_of_classes(masks: ScoredMasks, best_first: bool) -> Dict[int, int]:
    """Find the worst or the best mask of every class that occurs.

    Args:
        masks (ScoredMasks): The masks.
        best_first (bool): Whether to find the best ones.

    Returns:
        dict[int, int]: Index of the mask by label.
    """
    order = order_by_score(masks, best_first)
    labels, first = np.unique(masks.labels[order], return_index=True)
    return dict(zip(labels.tolist(), order[first].tolist()))


def find_changed(masks: ScoredMasks, unmerged: Comparison) -> np.ndarray:
    """Find the masks that merging changed, the most changed first.

    Args:
        masks (ScoredMasks): The masks after merging.
        unmerged (Comparison): The same masks before merging.

    Returns:
        np.ndarray: Indices of the masks, has shape (m, ).
    """
    changed = [
        i for i, ann_id in enumerate(masks.ids.tolist())
        if ann_id in unmerged.masks
        and masks.rle(i)['counts'] != unmerged.masks[ann_id]['counts']
    ]
    order = np.argsort(unmerged.ious[changed], kind='stable')
    return np.array(changed, dtype=np.int64)[order]


def find_misjudged(kept: np.ndarray, truth: Comparison) -> np.ndarray:
    """Sort the kept masks by true IoU, the lowest first.

    Args:
        kept (np.ndarray): Whether a mask is kept, has shape (n, ).
        truth (Comparison): The same masks compared with the true ones.

    Returns:
        np.ndarray: Indices of the masks, has shape (m, ).
    """
    known = np.flatnonzero(kept & ~np.isnan(truth.ious))
    return known[np.argsort(truth.ious[known], kind='stable')]


def draw_card(masks: ScoredMasks, i: int,
              others: Dict[str, Optional[Comparison]]) -> List[dict]:
    """Draw one mask, and the masks of the same box in other files.

    Args:
        masks (ScoredMasks): The masks.
        i (int): Index of the mask.
        others (dict[str, Comparison | None]): Other files by caption.

    Returns:
        list[dict]: ``caption`` and ``src`` (data URI) of every figure.

    Raises:
        InputError: The image cannot be read or has another size.
    """
    ann = masks.annotations[i]
    rles = {'proxy mask': masks.rle(i)}
    for caption, other in others.items():
        if other and ann['id'] in other.masks:
            rles[caption] = other.masks[ann['id']]
    crop, window = cut_image(masks, i)
    x, y, w, h = ann['bbox']
    box = x - window[0], y - window[1], w, h
    cut = {k: Instance(box, decode_window(r, window)) for k, r in rles.items()}
    return [dict(caption=k, src=draw_thumbnail(crop, cut[k])) for k in cut]


def cut_image(masks: ScoredMasks,
              i: int,
              margin: float = 0.25) -> Tuple[np.ndarray, np.ndarray]:
    """Cut the box of a mask and its surroundings out of its image.

    Args:
        masks (ScoredMasks): The masks.
        i (int): Index of the mask.
        margin (float): See :func:`context_window`.

    Returns:
        tuple: The RGB image of the window, has shape (h, w, 3), uint8; and
        the window, has shape (4, ), xyxy.

    Raises:
        InputError: The image cannot be read or has another size.
    """
    ann = masks.annotations[i]
    img = _read_rgb(masks, ann['image_id'])
    window = context_window(ann['bbox'], *img.shape[:2], margin)
    x0, y0, x1, y1 = window
    return img[y0:y1, x0:x1], window


def _read_rgb(masks: ScoredMasks, img_id: int) -> np.ndarray:
    info = masks.images[img_id]
    path = osp.join(masks.img_prefix, info['file_name'])
    img = read_image(path)
    if img.shape[:2] != (info['height'], info['width']):
        raise InputError(
            f'{path} has {img.shape[1]}x{img.shape[0]} pixels, but '
            f'{masks.proxy_file} says {info["width"]}x{info["height"]}. Name '
            'the folder of the images that were labelled.')
    return img[..., ::-1]
