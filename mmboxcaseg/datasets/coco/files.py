"""Write files and folders that are either complete or not there."""
import os
import os.path as osp
import shutil
from collections import Counter
from contextlib import contextmanager, suppress
from typing import Dict, Iterable, Iterator, List

from mmboxcaseg import InputError
from .messages import raise_problems


def check_target(path: str) -> None:
    """Check that what is to be written is a file.

    Args:
        path (str): The file, which may be there already.

    Raises:
        InputError: There is a folder or a device of this name.
    """
    if osp.exists(path) and not osp.isfile(path):
        raise InputError(f'{path} is no file: name a file to write.')


def write_atomically(path: str, pieces: Iterable[str]) -> None:
    """Write a file that is either complete or not there.

    Args:
        path (str): The file.
        pieces (Iterable[str]): Its text.

    Raises:
        OSError: It cannot be written; says what to do.
        InputError: There is a folder or a device of this name.
    """
    check_target(path)
    temporary = path + '.tmp'
    with writing(path):
        os.makedirs(osp.dirname(osp.abspath(path)), exist_ok=True)
        try:
            with open(temporary, 'w', encoding='utf-8') as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            with suppress(FileNotFoundError):
                os.remove(temporary)


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Tell what to do where a file cannot be written."""
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno, f'cannot write {path}: {error.strerror}. Make room, '
            'or make the folder writable, and give the same command again; a '
            'labelling then goes on where it stopped.') from error


@contextmanager
def new_folder(path: str) -> Iterator[str]:
    """Fill a folder that is either complete or not there.

    Args:
        path (str): The folder, which must not exist.

    Yields:
        str: The folder to write to, beside it. It is renamed at the end.

    Raises:
        InputError: The folder exists.
    """
    path = osp.normpath(path)
    if osp.exists(path):
        raise InputError(f'{path} exists, and what is in it may have been '
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
        InputError: Two images would have the same file, or one a file
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
    raise_problems(problems, 'image', path)
    return names
