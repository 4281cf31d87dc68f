"""Proxy masks as labelme files, one per image, and back.

``group_id`` is the annotation id. labelme keeps it, so it tells which parts
belong to one object.
"""
from collections import Counter, defaultdict
from typing import Dict, List, Tuple

import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import check_entries, schema_problem
from mmboxcaseg.structures import to_rle
from mmboxcaseg.structures.scores import SCORES
from .corrections import RELABELLED, corrected_record
from .polygons import mask_to_polygons
from .provenance import digest_masks

# Version of the format; labelme warns if its major version differs.
LABELME_VERSION = '5.5.0'
FOREIGN = ('shapes left out: their group_id is not the id of a usable '
           'annotation of the image')


def to_labelme(img: dict, annotations: List[dict], names: Dict[int, str],
               image_path: str, tolerance: float) -> Tuple[dict, Counter]:
    """Write the proxy masks of an image in the format of labelme.

    Args:
        img (dict): The image, with ``height`` and ``width``.
        annotations (list[dict]): Its annotations, with and without masks.
        names (dict[int, str]): Class names by category id.
        image_path (str): Path of the image relative to the labelme file.
        tolerance (float): See :func:`mask_to_polygons`.

    Returns:
        tuple: Content of the file; and counts: ``masks`` in the file,
        ``parts`` (polygons), ``holes`` that were filled, masks
        ``with_holes``, and ``empty`` masks, which are not in the file.
    """
    shapes: List[dict] = []
    counts: Counter = Counter()
    for ann in _with_masks(annotations):
        polygons, holes = mask_to_polygons(ann['segmentation'], tolerance)
        counts['masks' if polygons else 'empty'] += 1
        counts.update(parts=len(polygons), holes=holes, with_holes=holes > 0)
        label = names[ann['category_id']]
        scores = [f'{key} {ann[key]}' for key in SCORES if key in ann]
        more = dict(
            group_id=ann['id'],
            description=', '.join(scores),
            shape_type='polygon',
            flags={})
        shapes += [
            dict(label=label, points=p.tolist(), **more) for p in polygons
        ]
    content = dict(version=LABELME_VERSION, flags={}, shapes=shapes)
    content.update(imagePath=image_path, imageData=None)
    content.update(imageHeight=img['height'], imageWidth=img['width'])
    made_from = dict(
        tolerance=tolerance, masks_sha256=digest_masks(annotations))
    return dict(content, mmboxcaseg=made_from), counts


def from_labelme(content: dict, img: dict, annotations: List[dict],
                 names: Dict[int, str],
                 path: str) -> Tuple[List[dict], Dict[str, List[str]]]:
    """Find the masks that were corrected in labelme.

    A mask was corrected if its polygons differ from those that
    :func:`to_labelme` wrote. Its scores are 1, or 0 if it is empty now.

    Args:
        content (dict): Content of the labelme file.
        img (dict): The image, with ``height`` and ``width``.
        annotations (list[dict]): Its annotations in the exported proxy file.
        names (dict[int, str]): Class names by category id.
        path (str): The labelme file, for messages.

    Returns:
        tuple: Records of the corrected masks for :meth:`ProxyWriter.append`;
        and the shapes that were left out or whose label was ignored, as
        'path [position] (label)', by reason.

    Raises:
        InputError: The file is broken, has shapes that are not polygons, or
            does not belong to the image or to the proxy file.
    """
    _check(content, img, annotations, path)
    tolerance = content['mmboxcaseg']['tolerance']
    size = img['height'], img['width']
    labels = {ann['id']: names[ann['category_id']] for ann in annotations}
    drawn, ignored = defaultdict(list), defaultdict(list)
    for i, shape in enumerate(content['shapes']):
        ann_id = shape.get('group_id')
        name = f'{path} [{i}] ({shape["label"]})'
        if ann_id not in labels:
            ignored[FOREIGN].append(name)
            continue
        drawn[ann_id].append(np.array(shape['points']))
        if shape['label'] != labels[ann_id]:
            ignored[RELABELLED].append(name)
    # Compare polygons, not masks: already the exported polygons differ
    # slightly from their masks.
    written = {
        ann['id']: mask_to_polygons(ann['segmentation'], tolerance)[0]
        for ann in _with_masks(annotations)
    }
    return [
        _record(ann_id, drawn[ann_id], size) for ann_id in labels
        if not _equal(drawn[ann_id], written.get(ann_id, []))
    ], dict(ignored)


def _with_masks(annotations: List[dict]) -> List[dict]:
    return [ann for ann in annotations if 'mask_score' in ann]


def _check(content: dict, img: dict, annotations: List[dict],
           path: str) -> None:
    problem = schema_problem(content, 'labelme')
    if problem:
        raise InputError(f'{path}: {problem}. Use a file that was written by '
                         'tools/dataset_converters/proxy_to_labelme.py.')
    size = [content['imageHeight'], content['imageWidth']]
    if size != [img['height'], img['width']]:
        raise InputError(
            f'{path} belongs to an image of {size[1]}x{size[0]} pixels, but '
            f'the proxy file says {img["width"]}x{img["height"]}. Was the '
            'image replaced, or rotated by its EXIF orientation?')
    if content['mmboxcaseg']['masks_sha256'] != digest_masks(annotations):
        raise InputError(f'{path} was not made from the masks of this proxy '
                         'file. Use the proxy file that was exported.')
    check_entries(content['shapes'], 'labelme_shape', 'shape', path)


def _equal(polygons: List[np.ndarray], others: List[np.ndarray]) -> bool:
    """Whether two lists hold the same polygons, in any order."""
    pairs = zip(*(sorted(p, key=np.ndarray.tolist)
                  for p in (polygons, others)))
    return len(polygons) == len(others) and all(
        len(a) == len(b) and np.allclose(a, b, atol=.01) for a, b in pairs)


def _record(ann_id: int, polygons: List[np.ndarray], size: tuple) -> dict:
    """Record of a corrected mask; without polygons it is empty."""
    parts = [polygon.ravel().tolist() for polygon in polygons]
    return corrected_record(ann_id, to_rle(parts, *size))
