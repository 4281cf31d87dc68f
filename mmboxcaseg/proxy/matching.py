"""Turn masks of any source into proxy masks: match, merge and score them."""
import logging
import os.path as osp
from collections import Counter, defaultdict
from typing import Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
from mmengine.logging import print_log
from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (CocoBoxes, box_area, check_coco,
                                      check_entries, counts_from_bytes,
                                      first_few, is_ignored, load_json,
                                      raise_problems, read_polygons,
                                      segmentation_problem)
from mmboxcaseg.structures import (decode_window, extend_window, label_windows,
                                   to_rle, xywh_to_xyxy)
from .records import clip_iou, make_records
from .review import SOURCE as HUMAN

Segmentation = Union[list, dict]
# The largest share of boxes that may fit a box with another id, if ids are
# used.
OTHER_BOXES = 0.1


class Matches(Dict[int, Segmentation]):
    """Predicted masks by annotation id.

    Attributes:
        expected_ious (dict[int, float]): What the predictions say about
            their IoU, clipped to [0, 1], by annotation id.
        weights (dict[int, float]): Their ``mask_weight``, for example from a
            review, by annotation id.
        sources (dict[int, str]): What made a mask, by annotation id, if it is
            not what made the others: a person, or one of several sources.
    """

    def __init__(self) -> None:
        super().__init__()
        self.expected_ious: Dict[int, float] = {}
        self.weights: Dict[int, float] = {}
        self.sources: Dict[int, str] = {}

    def add(self, ann_id: int, prediction: dict) -> None:
        """Add a prediction, see :func:`load_predictions`."""
        self[ann_id] = prediction['segmentation']
        iou = prediction.get('expected_iou', prediction.get('predicted_iou'))
        if iou is not None:
            # Clipped before sources are compared: 1.02 is not surer than 1.
            self.expected_ious[ann_id] = clip_iou(iou)
        if 'mask_weight' in prediction:
            self.weights[ann_id] = prediction['mask_weight']
        if prediction.get('mask_source') == HUMAN:
            self.sources[ann_id] = HUMAN


def load_predictions(path: str, with_crowds: bool = False) -> List[dict]:
    """Read predicted masks.

    Args:
        path (str): COCO results (a list), each entry with ``segmentation`` and
            with ``annotation_id``, or with ``image_id`` and ``bbox``; or a
            proxy file; or another COCO file with masks. Entries may have
            ``expected_iou`` in [0, 1], or ``predicted_iou`` as SAM calls it,
            any number; and ``mask_weight``. A ``mask_source`` counts if it
            is 'human'.
        with_crowds (bool): Whether masks of a COCO file with ``iscrowd`` 1
            are objects: CVAT writes ``iscrowd`` 1 for all masks.

    Returns:
        list[dict]: Predictions with ``segmentation``. Those of a list are as
        in the file. Those of a proxy file have ``annotation_id``, those of
        another COCO file ``image_id``, ``bbox``, their id as ``coco_id``, and
        the ``file_name`` of their image.

    Raises:
        FileNotFoundError: The file does not exist.
        InputError: It has another form, or no mask.
    """
    data = load_json(path)
    if isinstance(data, dict):
        _read_counts(data.get('annotations'))
        check_coco(data, path)
        read_polygons(data)
        return _masks_of_coco(data, path, with_crowds)
    if not isinstance(data, list) or not data:
        raise InputError(
            f'{path} is neither a list of predictions (COCO results) nor a '
            'COCO file with masks. Write it as one of them.')
    _read_counts(data)
    check_entries(data, 'prediction', 'prediction', path)
    return data


def _read_counts(entries: object) -> None:
    """Correct ``counts`` that are bytes written as a string, in place."""
    for entry in entries if isinstance(entries, list) else []:
        counts = counts_from_bytes(entry)
        if counts is not None:
            entry['segmentation']['counts'] = counts


def _masks_of_coco(data: dict, path: str, with_crowds: bool) -> List[dict]:
    """Masks of a proxy file, or of any other COCO file."""
    annotations = data['annotations']
    files = {img['id']: img['file_name'] for img in data['images']}
    keys = ('segmentation', 'expected_iou', 'predicted_iou', 'mask_weight',
            'mask_source')
    masks = [
        dict(_select(ann, keys), annotation_id=ann['id'])
        for ann in annotations if 'mask_score' in ann
    ] or [
        dict(
            _select(ann, ('image_id', 'bbox', *keys)),
            coco_id=ann['id'],
            file_name=files[ann['image_id']]) for ann in annotations
        if ann.get('segmentation') and (with_crowds or not is_ignored(ann))
    ]
    if not masks:
        raise InputError(
            f'{path}: none of {len(annotations)} annotations has a mask '
            '(`segmentation`). Use a file with masks.')
    return masks


def match_predictions(predictions: List[dict], coco: CocoBoxes, min_iou: float,
                      path: str) -> Tuple[Matches, Dict[str, List[str]]]:
    """Find the annotation of every prediction.

    It is the one with its ``annotation_id``, if it has one. Images of another
    COCO file are found by their names, if one of them is known, otherwise by
    their ids. Its masks belong to the annotations with their ids if every id
    is in the same image in both files, unless more than a tenth of the boxes
    fit a box with another id and not that with their own. Otherwise the
    largest IoU of the boxes decides.

    Args:
        predictions (list[dict]): See :func:`load_predictions`.
        coco (CocoBoxes): The file of the boxes.
        min_iou (float): The smallest IoU of the two boxes, in (0, 1].
        path (str): File of the predictions, for messages.

    Returns:
        tuple: The masks by annotation id; and, by reason, the positions of
        the predictions that were left out, as '[3]'.

    Raises:
        InputError: An ``annotation_id`` or ``image_id`` does not exist, an
            annotation has two predictions, a mask is broken or has another
            size than its image, or no prediction has an annotation.
    """
    images_of = {a['id']: a['image_id'] for a in coco.data['annotations']}
    usable = {ann['id'] for anns in coco.annotations.values() for ann in anns}
    found = Matches()
    problems, left_out = defaultdict(list), defaultdict(list)
    named = _use_file_names(predictions, coco)
    shared = _use_shared_ids(named, images_of, coco, min_iou, path)
    for i, prediction in enumerate(shared):
        if prediction.get('image_id', 0) is None:
            left_out['its image is not in the file of the boxes'].append(
                f'[{i}] ({prediction["file_name"]})')
            continue
        key = 'annotation_id' if 'annotation_id' in prediction else 'image_id'
        known = images_of if key == 'annotation_id' else coco.images
        if prediction[key] not in known:
            problems[f'its {key} is not in the file of the boxes'].append(
                f'[{i}] ({key[:-3]} {prediction[key]})')
            continue
        ann_id, reason = _match(prediction, coco, min_iou)
        if ann_id not in usable:
            left_out[reason].append(f'[{i}]')
            continue
        problem = segmentation_problem(prediction['segmentation'],
                                       coco.images[images_of[ann_id]])
        if ann_id in found:
            problem = 'its annotation has a prediction already'
        if problem:
            problems[problem].append(f'[{i}] (annotation {ann_id})')
        found.add(ann_id, prediction)
    raise_problems(problems, 'prediction', path)
    if left_out:
        _check_units(named, coco, min_iou, len(found), path)
    if not found:
        raise InputError(
            f'{path}: none of its {len(predictions)} predictions belongs to a '
            f'box of {coco.ann_file}: {", ".join(left_out)}. Use the '
            'predictions for these boxes.')
    return found, dict(left_out)


def _use_file_names(predictions: List[dict], coco: CocoBoxes) -> List[dict]:
    """Let ``image_id`` be that of the image with the same ``file_name``.

    It becomes None for unknown names, unless all of them are unknown. A name
    without its folder counts if only one image has it.
    """
    ids: Dict[str, Optional[int]] = {}
    for img_id, img in coco.images.items():
        name = osp.basename(img['file_name'])
        ids[name] = None if name in ids else img_id
    ids.update((img['file_name'], i) for i, img in coco.images.items())

    def find(name: str) -> Optional[int]:
        return ids.get(name, ids.get(osp.basename(name)))

    found = [
        dict(p, image_id=find(p['file_name'])) if 'file_name' in p else p
        for p in predictions
    ]
    known = any(p.get('image_id') is not None for p in found)
    return found if known else predictions


def _use_shared_ids(predictions: List[dict], images_of: Dict[int, int],
                    coco: CocoBoxes, min_iou: float, path: str) -> List[dict]:
    """Let ids of a COCO file be annotation ids if they mean the same."""
    if not all('coco_id' in p and images_of.get(p['coco_id']) == p['image_id']
               for p in predictions):
        return predictions
    others = _boxes_of_others(predictions, coco, min_iou)
    # Some programs write the tight box of the mask. It may fit another box by
    # chance, so a few of them do not count.
    are_used = len(others) <= OTHER_BOXES * len(predictions)
    if others:
        print_log(
            f'{path}: {len(others)} of {len(predictions)} boxes fit another '
            f'box of {coco.ann_file} than that with the same id: annotation '
            f'{first_few(others)}. ' +
            ('The ids decide. If these masks belong to the other boxes, give '
             'all masks new ids: then the boxes decide.' if are_used else
             'So the boxes decide, not the ids. If the ids are right, write '
             'the masks as a list with `annotation_id`.'), 'current',
            logging.WARNING)
    if not are_used:
        return predictions
    return [dict(p, annotation_id=p['coco_id']) for p in predictions]


def _boxes_of_others(predictions: List[dict], coco: CocoBoxes,
                     min_iou: float) -> List[int]:
    """Ids whose box fits a box with another id, but not that with the same."""
    others = []
    for p in predictions:
        candidates, ious = _compare_boxes(p, coco)
        fitting = [
            candidates[k]['id'] for k in np.flatnonzero(_fits(ious, min_iou))
        ]
        if fitting and p['coco_id'] not in fitting:
            others.append(p['coco_id'])
    return others


def merge_image(annotations: List[dict],
                img: dict,
                segmentations: Dict[int, Segmentation],
                clip: bool = True,
                truncate: bool = False,
                expected_ious: Optional[Dict[int, float]] = None,
                **kwargs) -> Tuple[List[dict], Counter]:
    """Turn the predictions of one image into proxy masks.

    They are merged and scored as the masks of a labeller. A box without a
    prediction gets an empty mask.

    Args:
        annotations (list[dict]): The boxes.
        img (dict): Their image, with ``height`` and ``width``.
        segmentations (dict[int, list | dict]): Masks by annotation id.
        clip (bool): Whether to remove what lies outside the pixel box.
        truncate (bool): See :func:`pixel_boxes`.
        expected_ious (dict[int, float], optional): See :class:`Matches`.
        kwargs: Options of :func:`make_records`.

    Returns:
        tuple: Records for :meth:`ProxyWriter.append`; and counts: masks with
        pixels ``outside`` their pixel box, and masks ``empty`` after merging.
    """
    size = img['height'], img['width']
    corners = xywh_to_xyxy([ann['bbox'] for ann in annotations])
    boxes = label_windows(corners, *size, truncate)
    masks, windows, counts = [], boxes.copy(), Counter()
    for i, ann in enumerate(annotations):
        mask, windows[i], outside = _cut(
            segmentations.get(ann['id']), boxes[i], size, clip)
        masks.append(mask)
        counts['outside'] += outside
    ids = [ann['id'] for ann in annotations]
    areas = [box_area(ann) for ann in annotations]
    # If no mask has an IoU, empty masks have none either.
    ious = [expected_ious.get(i) for i in ids] if expected_ious else None
    kwargs.update(boxes=boxes, expected_ious=ious)
    records = make_records(ids, masks, windows, areas, size, **kwargs)
    counts['empty'] = sum(
        int(mask_utils.area(record['segmentation'])) == 0
        for record in records)
    return records, counts


def _select(entry: dict, keys: Sequence[str]) -> dict:
    """Copy the given keys of an entry, if it has them."""
    return {key: entry[key] for key in keys if key in entry}


def _match(prediction: dict, coco: CocoBoxes,
           min_iou: float) -> Tuple[Optional[int], str]:
    """Id of the annotation of a prediction, and why it may not be usable."""
    if 'annotation_id' in prediction:
        return prediction['annotation_id'], 'its box is a crowd or unusable'
    candidates, ious = _compare_boxes(prediction, coco)
    if not _fits(ious, min_iou).any():
        return None, f'no box of its image has an IoU of {min_iou} with its'
    best = np.flatnonzero(ious == ious.max())
    if len(best) > 1:
        return None, 'two boxes of its image fit it equally well'
    return candidates[best[0]]['id'], ''


def _compare_boxes(prediction: dict,
                   coco: CocoBoxes) -> Tuple[List[dict], np.ndarray]:
    """The n annotations of its image, and the IoUs of their boxes (n, )."""
    candidates = coco.annotations.get(prediction['image_id'], [])
    boxes = np.array([ann['bbox'] for ann in candidates], np.float64)
    ious = mask_utils.iou(
        np.array([prediction['bbox']], np.float64), boxes.reshape(-1, 4),
        [0] * len(candidates))
    return candidates, np.reshape(ious, -1)


def _fits(ious: np.ndarray, min_iou: float) -> np.ndarray:
    """Which IoUs are high enough."""
    # Equal boxes may have an IoU of less than 1 by a rounding error.
    return ious >= min_iou - 1e-6


def _check_units(predictions: List[dict], coco: CocoBoxes, min_iou: float,
                 num_found: int, path: str) -> None:
    """Refuse predictions whose boxes are [x0, y0, x1, y1]."""
    num_xyxy = 0
    for prediction in predictions:
        is_known = prediction.get('image_id') is not None
        if is_known and 'annotation_id' not in prediction:
            x0, y0, x1, y1 = prediction['bbox']
            xywh = dict(prediction, bbox=[x0, y0, x1 - x0, y1 - y0])
            num_xyxy += _match(xywh, coco, min_iou)[0] is not None
    if num_xyxy > num_found:
        raise InputError(
            f'{path}: `bbox` of {num_xyxy} predictions fits a box if it is '
            f'read as [x0, y0, x1, y1], but only {num_found} as [x, y, width, '
            'height], as required. Convert them.')


def _cut(segmentation: Optional[Segmentation], box: np.ndarray, size: tuple,
         clip: bool) -> Tuple[np.ndarray, np.ndarray, bool]:
    """Window mask, its window, and whether the mask leaves the pixel box.

    The window is the pixel box, extended if ``clip`` is False.
    """
    if segmentation is None:
        x0, y0, x1, y1 = box
        return np.zeros((y1 - y0, x1 - x0), dtype=bool), box, False
    rle = to_rle(segmentation, *size)
    mask = decode_window(rle, box)
    outside = bool(mask.sum() < mask_utils.area(rle))
    if outside and not clip:
        box = extend_window(box, rle)
        mask = decode_window(rle, box)
    return mask, box, outside
