from typing import Sequence

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import load_coco


def load_proxy(path: str) -> dict:
    """Read a proxy file.

    Args:
        path (str): The JSON file.

    Returns:
        dict: Its content.

    Raises:
        FileNotFoundError: The file does not exist.
        InputError: It is not of the form, see :func:`load_coco`, or has no
            proxy mask.
    """
    data = load_coco(path)
    check_masks(data['annotations'], path)
    return data


def check_masks(annotations: Sequence[dict], path: str) -> None:
    """Check that there is a proxy mask.

    Args:
        annotations (Sequence[dict]): The annotations that are to be used.
        path (str): Their file, for the message.

    Raises:
        InputError: None of them has a proxy mask.
    """
    if not any('mask_score' in ann for ann in annotations):
        raise InputError(
            f'{path} is no proxy file: none of {len(annotations)} '
            'annotations has a `mask_score`. Make the file with '
            'tools/label.py or tools/merge_masks.py, or use CocoDataset for '
            'true masks.')
