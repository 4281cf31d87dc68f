"""Rules for single annotations: which are ignored, areas, masks."""
from collections import defaultdict
from typing import Dict, Optional, Sequence

from mmboxcaseg import InputError
from .messages import first_few, raise_problems
from .schema import segmentation_problem

# Keys that other programs write for rotated boxes, also inside `attributes`.
ROTATION_KEYS = ('rotation', 'angle', 'theta')


def is_ignored(ann: dict) -> bool:
    """Whether an annotation is left out: a crowd, or marked ``ignore``.

    mmdet leaves out both. They are not labelled, not used for training, and
    detections on them do not count in metrics.
    """
    return bool(ann.get('iscrowd') or ann.get('ignore'))


def rotation_of(ann: dict) -> Optional[str]:
    """Find a key that says that the box of an annotation is not upright.

    Args:
        ann (dict): Annotation of a COCO file, perhaps with ``attributes``.

    Returns:
        str, optional: The key and its value, for example 'rotation=30'; None
        if there is none, or it is 0.
    """
    attributes = ann.get('attributes')
    for part in (ann, attributes if isinstance(attributes, dict) else {}):
        for key in ROTATION_KEYS:
            if isinstance(part.get(key), (int, float)) and part[key]:
                return f'{key}={part[key]}'
    return None


def box_area(ann: dict) -> float:
    """Area of the box of an annotation in square pixels."""
    return ann['bbox'][2] * ann['bbox'][3]


def area_of(ann: dict) -> float:
    """Annotated area in square pixels, or the area of the box if missing."""
    area = ann.get('area')
    return box_area(ann) if area is None else area


def rle_counts(ann: object) -> object:
    """Get ``counts`` of an unchecked annotation; None if it has no RLE."""
    mask = ann.get('segmentation') if isinstance(ann, dict) else None
    return mask.get('counts') if isinstance(mask, dict) else None


def counts_from_bytes(ann: object) -> Optional[str]:
    """Read ``counts`` that are Python bytes written as text: "b'...'".

    Args:
        ann (object): Annotation or prediction, as read from JSON.

    Returns:
        str, optional: The correct ``counts``; None if they have another form.
    """
    counts = rle_counts(ann)
    if not isinstance(counts, str) or counts[:2] not in ("b'", 'b"'):
        return None
    # repr() of bytes doubles every backslash.
    return counts[2:-1].replace('\\\\', '\\')


def check_segmentations(annotations: Sequence[dict], images: Dict[int, dict],
                        path: str) -> None:
    """Check form and size of the masks that are present.

    Args:
        annotations (Sequence[dict]): Annotations of a COCO file.
        images (dict[int, dict]): Its images by id.
        path (str): The file, for the message.

    Raises:
        InputError: A mask cannot be used. The message names the annotation.
    """
    problems = defaultdict(list)
    for ann in annotations:
        if ann.get('segmentation'):
            problem = segmentation_problem(ann['segmentation'],
                                           images[ann['image_id']])
            if problem:
                problems[f'`segmentation`: {problem}'].append(ann['id'])
    raise_problems(problems, 'annotation', path)


def check_true_masks(annotations: Sequence[dict], images: Dict[int, dict],
                     path: str) -> None:
    """Check that every annotation has a mask to compare with.

    Args:
        annotations, images, path: See :func:`check_segmentations`.

    Raises:
        InputError: A mask is missing or cannot be used.
    """
    bare = [ann['id'] for ann in annotations if not ann.get('segmentation')]
    if bare:
        raise InputError(
            f'{path}: {len(bare)} of {len(annotations)} annotations have no '
            f'`segmentation`: annotation {first_few(bare)}. Use a file with '
            'true masks. With boxes only, evaluate boxes (metric="bbox"), or '
            'switch validation off: val_cfg = val_dataloader = val_evaluator '
            '= None.')
    check_segmentations(annotations, images, path)
