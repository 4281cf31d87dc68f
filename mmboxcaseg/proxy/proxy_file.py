from typing import Sequence

import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import load_coco
from mmboxcaseg.structures import is_kept


def load_proxy(path: str) -> dict:
    """Read a proxy file.

    Args:
        path (str): The JSON file.

    Returns:
        dict: Its content.

    Raises:
        FileNotFoundError: The file does not exist.
        InputError: It is broken, see :func:`load_coco`, or has no proxy mask.
    """
    data = load_coco(path)
    check_masks(data['annotations'], path)
    return data


def check_masks(annotations: Sequence[dict], path: str) -> None:
    """Check that there are proxy masks.

    Args:
        annotations (Sequence[dict]): The annotations that will be used.
        path (str): Their file, for the message.

    Raises:
        InputError: None of them has a proxy mask.
    """
    if not any('mask_score' in ann for ann in annotations):
        raise InputError(
            f'{path} is not a proxy file: none of {len(annotations)} '
            'annotations has a `mask_score`. Make the file with '
            'tools/label.py or tools/merge_masks.py, or use CocoDataset for '
            'true masks.')


def count_kept(path: str, threshold: float) -> dict:
    """Count the masks of a proxy file that are used for training.

    Args:
        path (str): The proxy file.
        threshold (float): Masks with a lower score are dropped.

    Returns:
        dict: ``instances`` (labelled boxes), ``kept`` and ``drop_rate``.

    Raises:
        InputError: See :func:`load_proxy`.
    """
    anns = load_proxy(path)['annotations']
    scores = np.array([a['mask_score'] for a in anns if 'mask_score' in a])
    num, kept = len(scores), int(is_kept(scores, threshold).sum())
    return dict(instances=num, kept=kept, drop_rate=1 - kept / num)
