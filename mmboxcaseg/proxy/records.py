from typing import List, Optional, Sequence, Tuple

import numpy as np

from mmboxcaseg.structures import agreement, encode_window, merge_masks


def make_records(ann_ids: Sequence[int],
                 masks: Sequence[np.ndarray],
                 windows: np.ndarray,
                 areas: Sequence[float],
                 shape: Tuple[int, int],
                 merge_by: Optional[str] = 'box',
                 off_by_one: bool = False,
                 boxes: Optional[np.ndarray] = None) -> List[dict]:
    """Merge, score and encode the masks of one image (section 3.4).

    Args:
        ann_ids (Sequence[int]): Ids of the n annotations.
        masks (Sequence[np.ndarray]): n boolean masks, one a window.
        windows (np.ndarray): Integer windows, has shape (n, 4), xyxy.
        areas (Sequence[float]): Areas of the n boxes.
        shape (tuple[int]): Height and width of the image.
        merge_by (str, optional): A pixel goes to the object with the
            smallest 'box' (the paper) or the smallest 'mask' that claims
            it; None leaves the masks as they are. Defaults to 'box'.
        off_by_one (bool): See :func:`agreement`. Defaults to False.
        boxes (np.ndarray, optional): True pixel boxes inside the windows,
            has shape (n, 4), xyxy. Defaults to the windows.

    Returns:
        list[dict]: One an annotation: ``id``, ``segmentation`` (compressed
        RLE) and ``mask_score``, the agreement in [0, 1].
    """
    if merge_by == 'mask':
        areas = [mask.sum() for mask in masks]
    if merge_by is not None:
        masks = merge_masks(masks, windows, areas, ann_ids)
    inside = (windows if boxes is None else boxes) - np.tile(windows[:, :2], 2)
    return [
        dict(
            id=int(ann_id),
            segmentation=encode_window(mask, window, *shape),
            mask_score=round(agreement(mask, box, off_by_one), 6))
        for ann_id, mask, window, box in zip(ann_ids, masks, windows,
                                             inside.tolist())
    ]
