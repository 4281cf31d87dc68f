"""Masks with parts, a hole, and none, for the boxes of ``tiny_coco``."""
import numpy as np

from mmboxcaseg.structures import encode_window


def add_masks(data: dict) -> None:
    """11: two parts; 5: a hole; 8: empty; 9 is a crowd; 3: a low score."""
    canvas = np.zeros((40, 50), bool)
    two, hole = canvas.copy(), canvas.copy()
    two[6:21, 5:12] = two[6:10, 20:25] = True
    hole[5:30, 5:30] = True
    hole[10:14, 10:14] = False
    masks = {11: two, 5: hole, 8: np.zeros((48, 32), bool)}
    masks[3] = np.zeros((30, 30), bool)
    masks[3][10:16, 10:15] = True
    scores = {11: 1, 5: 0.9, 8: 0, 3: 0.25}
    for ann in data['annotations']:
        if ann['id'] in masks:
            height, width = masks[ann['id']].shape
            ann.update(
                segmentation=encode_window(masks[ann['id']],
                                           (0, 0, width, height), height,
                                           width),
                mask_score=scores[ann['id']],
                mask_source='tiny@1234')
    data['info'] = dict(mmboxcaseg=dict(mask_source='tiny@1234'))
