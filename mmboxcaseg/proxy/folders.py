"""Folders with one file an image."""
import os
import os.path as osp
import shutil
from collections import Counter
from contextlib import contextmanager
from typing import Dict, Iterator, List

from .schema import complain


@contextmanager
def new_folder(path: str) -> Iterator[str]:
    """Fill a folder that is either complete or not there.

    Args:
        path (str): The folder, which must not exist.

    Yields:
        str: The folder to write to, beside it. It is renamed at the end.

    Raises:
        ValueError: The folder exists.
    """
    path = osp.normpath(path)
    if osp.exists(path):
        raise ValueError(f'{path} exists, and what is in it may have been '
                         'edited. Choose another name, or remove it.')
    unfinished = path + '.tmp'
    shutil.rmtree(unfinished, ignore_errors=True)
    os.makedirs(unfinished)
    try:
        yield unfinished
    except BaseException:
        shutil.rmtree(unfinished)
        raise
    os.replace(unfinished, path)


def file_names(images: List[dict], suffix: str, path: str) -> Dict[int, str]:
    """Name the files of images after them.

    Args:
        images (list[dict]): Images of a COCO file.
        suffix (str): What replaces their suffix, for example '.json'.
        path (str): The COCO file, for messages.

    Returns:
        dict[int, str]: Names by image id, relative to the folder.

    Raises:
        ValueError: Two images would have the same file, or one a file
            outside the folder.
    """
    names = {
        img['id']: osp.normpath(osp.splitext(img['file_name'])[0] + suffix)
        for img in images
    }
    uses = Counter(names.values())
    problems: Dict[str, list] = {}
    for img_id, name in names.items():
        if uses[name] > 1:
            text = 'its `file_name` differs from another in its suffix only'
        elif osp.isabs(name) or name.startswith(os.pardir):
            text = 'its `file_name` leads out of the folder of the images'
        else:
            continue
        problems.setdefault(text, []).append(img_id)
    complain(problems, 'image', path)
    return names
