"""Masks of any source become proxy masks: matched, merged, scored."""
from collections import Counter, defaultdict
from typing import Dict, List, Optional, Tuple, Union

import numpy as np
from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (box_area, check_coco, load_json,
                                      raise_problems, schema_problem,
                                      segmentation_problem)
from mmboxcaseg.structures import (decode_window, pixel_boxes, to_rle,
                                   xywh_to_xyxy)
from .proxy_file import check_masks
from .records import make_records

Segmentation = Union[list, dict]


def load_predictions(path: str) -> List[dict]:
    """Read predicted masks.

    Args:
        path (str): JSON file: a list in the form of COCO results, each entry
            with ``segmentation`` (polygons, compressed or uncompressed RLE)
            and with ``annotation_id``, or ``image_id`` and ``bbox``; or a
            proxy file.

    Returns:
        list[dict]: The entries of the list; of a proxy file ``annotation_id``
        and ``segmentation`` of every proxy mask.

    Raises:
        FileNotFoundError: The file does not exist.
        InputError: It is of another form.
    """
    data = load_json(path)
    if isinstance(data, dict):
        check_coco(data, path)
        check_masks(data['annotations'], path)
        return [
            dict(annotation_id=ann['id'], segmentation=ann['segmentation'])
            for ann in data['annotations'] if 'mask_score' in ann
        ]
    if not isinstance(data, list) or not data:
        raise InputError(f'{path} is neither a list of predictions (COCO '
                         'results) nor a proxy file. Write it as one of both.')
    problems = defaultdict(list)
    for i, prediction in enumerate(data):
        problem = schema_problem(prediction, 'prediction')
        if problem:
            problems[problem].append(f'[{i}]')
    raise_problems(problems, 'prediction', path)
    return data


def match_predictions(
        predictions: List[dict], coco: dict, boxes: Dict[int, List[dict]],
        min_iou: float,
        path: str) -> Tuple[Dict[int, Segmentation], Dict[str, List[str]]]:
    """Find the annotation of every prediction.

    ``annotation_id`` counts where there is one. Else it is the annotation of
    the image whose box has the largest IoU with the prediction's.

    Args:
        predictions (list[dict]): See :func:`load_predictions`.
        coco (dict): Content of the COCO file of the boxes.
        boxes (dict[int, list[dict]]): Its usable annotations by image id.
        min_iou (float): Least IoU of the two boxes, in (0, 1].
        path (str): File of the predictions, for messages.

    Returns:
        tuple: The segmentations by annotation id; and the predictions that
        were left out, by the reason, as positions in the list: '[3]'.

    Raises:
        InputError: An ``annotation_id`` does not exist, an annotation has
            two predictions, or a mask is broken or not of its image's size.
    """
    images = {img['id']: img for img in coco['images']}
    images_of = {ann['id']: ann['image_id'] for ann in coco['annotations']}
    usable = {ann['id'] for anns in boxes.values() for ann in anns}
    found: Dict[int, Segmentation] = {}
    problems, left_out = defaultdict(list), defaultdict(list)
    for i, prediction in enumerate(predictions):
        ann_id, reason = _match(prediction, boxes, min_iou)
        if ann_id is None:
            left_out[reason].append(f'[{i}]')
        elif ann_id not in images_of:
            problems['its annotation_id is not in the file of the '
                     'boxes'].append(f'[{i}] (annotation {ann_id})')
        elif ann_id not in usable:
            left_out['its box is a crowd or unusable'].append(f'[{i}]')
        else:
            segmentation = prediction['segmentation']
            problem = segmentation_problem(segmentation,
                                           images[images_of[ann_id]])
            if ann_id in found:
                problem = 'its annotation has a prediction already'
            if problem:
                problems[problem].append(f'[{i}] (annotation {ann_id})')
            found[ann_id] = segmentation
    raise_problems(problems, 'prediction', path)
    return found, dict(left_out)


def merge_image(annotations: List[dict],
                img: dict,
                segmentations: Dict[int, Segmentation],
                clip: bool = True,
                truncate: bool = False,
                **kwargs) -> Tuple[List[dict], Counter]:
    """Turn the predictions of one image into proxy masks.

    They are merged and scored as the masks of a labeller. A box without a
    prediction gets an empty mask.

    Args:
        annotations (list[dict]): The boxes.
        img (dict): Their image, with ``height`` and ``width``.
        segmentations (dict[int, list | dict]): Masks by annotation id, from
            :func:`match_predictions`.
        clip (bool): Whether to remove what lies outside the pixel box.
            Defaults to True.
        truncate (bool): See :func:`pixel_boxes`. Defaults to False.
        kwargs: Options of :func:`make_records`.

    Returns:
        tuple: Records for :meth:`ProxyWriter.append`; and counts: masks with
        pixels ``outside`` their pixel box, and masks that are ``empty`` after
        merging.
    """
    size = img['height'], img['width']
    corners = xywh_to_xyxy([ann['bbox'] for ann in annotations])
    boxes = pixel_boxes(corners, *size, truncate)
    # As CropBoxes does: a box that holds no whole pixel is rounded outward.
    lost = (boxes[:, :2] >= boxes[:, 2:]).any(axis=1)
    boxes[lost] = pixel_boxes(corners[lost], *size)
    masks, windows, counts = [], boxes.copy(), Counter()
    for i, ann in enumerate(annotations):
        mask, windows[i], outside = _cut(
            segmentations.get(ann['id']), boxes[i], size, clip)
        masks.append(mask)
        counts['outside'] += outside
    records = make_records([ann['id'] for ann in annotations],
                           masks,
                           windows, [box_area(ann) for ann in annotations],
                           size,
                           boxes=boxes,
                           **kwargs)
    counts['empty'] = sum(
        mask_utils.area(record['segmentation']) == 0 for record in records)
    return records, counts


def _match(prediction: dict, boxes: Dict[int, List[dict]],
           min_iou: float) -> Tuple[Optional[int], str]:
    """Id of the annotation of a prediction, or None and the reason."""
    if 'annotation_id' in prediction:
        return prediction['annotation_id'], ''
    candidates = boxes.get(prediction['image_id'], [])
    ious = mask_utils.iou(
        np.array([prediction['bbox']], dtype=np.float64),
        np.array([ann['bbox'] for ann in candidates],
                 dtype=np.float64).reshape(-1, 4), [0] * len(candidates))
    ious = np.reshape(ious, -1)
    # Equal boxes can have an IoU of a rounding error less than 1.
    if not (ious >= min_iou - 1e-6).any():
        return None, f'no box of its image has an IoU of {min_iou} with its'
    best = np.flatnonzero(ious == ious.max())
    if len(best) > 1:
        return None, 'two boxes of its image fit it equally well'
    return candidates[best[0]]['id'], ''


def _cut(segmentation: Optional[Segmentation], box: np.ndarray,
         size: Tuple[int,
                     int], clip: bool) -> Tuple[np.ndarray, np.ndarray, bool]:
    """Cut a mask out of its image.

    Returns its window mask, the window, and whether the mask leaves the
    pixel box. The window is the pixel box, extended if ``clip`` is False.
    """
    if segmentation is None:
        x0, y0, x1, y1 = box
        return np.zeros((y1 - y0, x1 - x0), dtype=bool), box, False
    rle = to_rle(segmentation, *size)
    mask = decode_window(rle, box)
    outside = bool(mask.sum() < mask_utils.area(rle))
    if outside and not clip:
        x, y, w, h = mask_utils.toBbox(rle)
        low = np.minimum(box[:2], [x, y]).astype(np.int64)
        high = np.maximum(box[2:], [x + w, y + h]).astype(np.int64)
        box = np.concatenate([low, high])
        mask = decode_window(rle, box)
    return mask, box, outside
