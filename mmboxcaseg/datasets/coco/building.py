"""Build and write COCO files; used by the converters."""
import json
from typing import List, Sequence

import numpy as np

from mmboxcaseg.structures import encode_window, tight_box
from .annotations import box_area
from .files import write_atomically
from .schema import check_coco

# Keys of an annotation that contain no information about its mask, except
# `area`, which boxes_only() replaces.
BOX_KEYS = ('id', 'image_id', 'category_id', 'bbox', 'area', 'iscrowd',
            'ignore')


def make_annotation(mask: np.ndarray, category_id: int) -> dict:
    """Make a COCO annotation of a mask; :func:`make_coco` adds the ids.

    Args:
        mask (np.ndarray): Non-empty binary mask, has shape (H, W).
        category_id (int): Category id of the object.

    Returns:
        dict: The annotation; its box is half-open and tight.
    """
    x0, y0, x1, y1 = window = tight_box(mask)
    return dict(
        category_id=category_id,
        bbox=[x0, y0, x1 - x0, y1 - y0],
        area=int(mask.sum()),
        iscrowd=0,
        segmentation=encode_window(mask[y0:y1, x0:x1], window, *mask.shape))


def make_coco(images: Sequence[dict], annotations: Sequence[List[dict]],
              classes: Sequence[str]) -> dict:
    """Make a COCO data set; all ids count from 1.

    Args:
        images (Sequence[dict]): ``file_name``, ``width`` and ``height``.
        annotations (Sequence[list[dict]]): Annotations of each image.
        classes (Sequence[str]): Class names in the order of category ids.

    Returns:
        dict: Content of a COCO file.
    """
    flat = [
        dict(ann, image_id=i) for i, anns in enumerate(annotations, start=1)
        for ann in anns
    ]
    return dict(
        images=[dict(id=i, **img) for i, img in enumerate(images, start=1)],
        annotations=[dict(id=i, **ann) for i, ann in enumerate(flat, start=1)],
        categories=[dict(id=i, name=c) for i, c in enumerate(classes, 1)])


def boxes_only(data: dict) -> dict:
    """Copy a COCO data set without any information about masks.

    Args:
        data (dict): Content of a COCO file.

    Returns:
        dict: A copy whose annotations have only ``BOX_KEYS``, without the
        record of a proxy file. ``area`` is the area of the box, because the
        area of the mask would tell how much of the box the object fills.
    """
    boxes = [
        dict({key: ann[key]
              for key in ann if key in BOX_KEYS},
             area=box_area(ann)) for ann in data['annotations']
    ]
    copy = dict(data, annotations=boxes)
    if data.get('info'):
        copy['info'] = dict(data['info'])
        copy['info'].pop('mmboxcaseg', None)
    return copy


def write_coco(path: str, data: dict) -> None:
    """Write a COCO file that is either complete or not there.

    Args:
        path (str): The file.
        data (dict): Its content.

    Raises:
        OSError: It cannot be written.
        InputError: It is not a COCO file, see :func:`load_coco`.
    """
    check_coco(data, path)
    # json.dump() would use the slow encoder, written in Python.
    write_atomically(path, [json.dumps(data)])
