from typing import Sequence, Union

import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import MaskFilter, is_ignored, load_coco


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


def count_kept(path: str, rule: Union[float, MaskFilter]) -> dict:
    """Count the masks of a proxy file that are used for training.

    Args:
        path (str): The proxy file.
        rule (float | MaskFilter): The filter, or the lowest ``mask_score`` of
            a mask that is used.

    Returns:
        dict: ``instances`` (labelled boxes without crowds), ``kept`` and
        ``drop_rate``; the means ``mask_score`` and, if all masks have it,
        ``expected_iou``.

    Raises:
        InputError: See :func:`load_proxy` and :class:`MaskFilter`.
    """
    if not isinstance(rule, MaskFilter):
        rule = MaskFilter(thr=rule)
    # Training leaves out crowds, whatever scores they have.
    anns = [a for a in load_coco(path)['annotations'] if not is_ignored(a)]
    check_masks(anns, path)
    anns = [ann for ann in anns if 'mask_score' in ann]
    num, kept = len(anns), np.count_nonzero(rule.weigh(anns, path))
    means = {
        key: float(np.mean([ann[key] for ann in anns]))
        for key in ('mask_score', 'expected_iou') if all(
            ann.get(key) is not None for ann in anns)
    }
    return dict(instances=num, kept=kept, drop_rate=1 - kept / num, **means)
