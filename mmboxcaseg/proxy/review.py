"""Decisions of a person about proxy masks, from the review page."""
from typing import Dict, Tuple

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (check_coco, first_few, load_json,
                                      read_polygons, schema_problem)
from .provenance import digest_masks
from .proxy_file import check_masks

WEIGHTS = dict(keep=1, drop=0)
SOURCE = 'human'


def load_review(path: str) -> dict:
    """Read the decisions that the review page downloads.

    Args:
        path (str): The JSON file.

    Returns:
        dict: Its content: ``masks_sha256``, see :func:`digest_masks`;
        ``decisions``, 'keep' or 'drop' by annotation id (string); and perhaps
        ``proxy_file``, the name of the reviewed file.

    Raises:
        FileNotFoundError: The file does not exist.
        InputError: It is not JSON, or has another form.
    """
    review = load_json(path)
    problem = schema_problem(review, 'review')
    if problem:
        raise InputError(f'{path}: {problem}. Use a file that a page of '
                         'tools/analysis_tools/proxy_review.py downloaded.')
    return review


def apply_review(proxy_file: str,
                 review_file: str) -> Tuple[dict, Dict[str, int]]:
    """Apply the decisions of a review to the annotations of a proxy file.

    A kept mask gets ``mask_weight`` 1 and ``mask_source`` 'human', a dropped
    one ``mask_weight`` 0. Everything else stays as it is.

    Args:
        proxy_file (str): The proxy file.
        review_file (str): See :func:`load_review`.

    Returns:
        tuple: The content of the proxy file (dict) with the decisions; and
        the number of masks (dict[str, int]): 'keep', 'drop' and 'open'.

    Raises:
        FileNotFoundError: A file does not exist.
        InputError: A file is broken, the decisions are about other masks, or
            an id does not belong to a proxy mask.
    """
    review = load_review(review_file)
    data = load_json(proxy_file)
    check_coco(data, proxy_file)
    check_masks(data['annotations'], proxy_file)
    if review['masks_sha256'] != _fingerprint(data):
        raise InputError(
            f'{review_file} was not made from the masks of {proxy_file}, but '
            f'from {review.get("proxy_file", "another file")}. Use that file, '
            'or review this one.')
    masks = {a['id']: a for a in data['annotations'] if 'mask_score' in a}
    decisions = {int(key): what for key, what in review['decisions'].items()}
    unknown = [key for key in decisions if key not in masks]
    if unknown:
        raise InputError(
            f'{review_file}: {len(unknown)} of {len(decisions)} ids do not '
            f'belong to a proxy mask of {proxy_file}: {first_few(unknown)}. '
            'Download the decisions again, or remove these.')
    counts = dict(keep=0, drop=0, open=len(masks) - len(decisions))
    for ann_id, what in decisions.items():
        counts[what] += 1
        masks[ann_id]['mask_weight'] = WEIGHTS[what]
        if what == 'keep':
            masks[ann_id]['mask_source'] = SOURCE
    return data, counts


def _fingerprint(data: dict) -> str:
    """Same as :attr:`ScoredMasks.fingerprint`; polygons stay polygons."""
    copy = dict(data, annotations=[dict(ann) for ann in data['annotations']])
    read_polygons(copy)
    return digest_masks(copy['annotations'])
