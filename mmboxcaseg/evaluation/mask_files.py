from typing import Sequence

from mmboxcaseg.proxy import load_coco, load_proxy
from mmboxcaseg.structures import to_rle
from .instance_iou import mask_iou, summarize_ious


def evaluate_mask_file(
    pred_file: str, gt_file: str,
    thresholds: Sequence[int] = (50, 75)) -> dict:
    """Compare the masks of a proxy file with the true ones.

    Args:
        pred_file (str): Proxy file.
        gt_file (str): COCO JSON with the true masks of the same annotation
            ids. Crowds are not counted.
        thresholds (Sequence[int]): Each k of IoU@k, in per cent.

    Returns:
        dict[str, float]: See :func:`summarize_ious`.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: A file is broken, they share no annotation, or one of
            the true masks has no counterpart.
    """
    pred, truth = load_proxy(pred_file), load_coco(gt_file)
    sizes = {
        img['id']: (img['height'], img['width'])
        for img in truth['images']
    }
    masks = {
        ann['id']: ann['segmentation']
        for ann in pred['annotations'] if 'mask_score' in ann
    }
    anns = [ann for ann in truth['annotations'] if not ann.get('iscrowd', 0)]
    missing = [ann['id'] for ann in anns if ann['id'] not in masks]
    if missing or not anns:
        raise ValueError(
            f'{pred_file} has no mask for {len(missing)} of {len(anns)} '
            f'annotations of {gt_file}, the first ids are {missing[:5]}. '
            'Label the boxes of the same file.')
    ious = [
        mask_iou(
            to_rle(masks[ann['id']], *sizes[ann['image_id']]),
            to_rle(ann['segmentation'], *sizes[ann['image_id']]))
        for ann in anns
    ]
    return summarize_ious(ious, [ann['category_id'] for ann in anns],
                          thresholds)
