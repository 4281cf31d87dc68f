"""Write files and folders that are either complete or not there."""
import os
import os.path as osp
import shutil
from collections import Counter
from contextlib import contextmanager, suppress
from typing import Dict, Iterable, Iterator, List, Optional

from mmengine.fileio import isfile

from mmboxcaseg import InputError
from .messages import raise_problems


def check_file(path: str,
               what: str,
               backend_args: Optional[dict] = None) -> None:
    """Check that a file exists.

    Args:
        path (str): The file. URLs (``https://...``) are not checked.
        what (str): What the file is, for the message.
        backend_args (dict, optional): See :func:`mmengine.fileio.isfile`.

    Raises:
        InputError: The file does not exist.
    """
    if '://' not in path and not isfile(path, backend_args=backend_args):
        where = 'by `backend_args`' if backend_args else f'from {os.getcwd()}'
        raise InputError(f'{what} not found: {path} (searched {where})')


def check_target(path: str) -> None:
    """Check that a file can be written to a path.

    Args:
        path (str): The path. An existing file will be overwritten.

    Raises:
        InputError: It is a folder or a device.
    """
    # os.replace() would put a file in the place of /dev/null.
    if osp.exists(path) and not osp.isfile(path):
        raise InputError(f'{path} is not a file: name a file to write.')


def write_atomically(path: str, pieces: Iterable[str]) -> None:
    """Write a text file that is either complete or not there.

    Args:
        path (str): The file.
        pieces (Iterable[str]): Its text.

    Raises:
        OSError: It cannot be written. The message says what to do.
        InputError: There is a folder or a device of this name, or the text
            has characters that are none in UTF-8.
    """
    check_target(path)
    temporary = path + '.tmp'
    with writing(path):
        os.makedirs(osp.dirname(osp.abspath(path)), exist_ok=True)
        try:
            with open(temporary, 'w', encoding='utf-8') as file:
                file.writelines(pieces)
                file.flush()
                # Without this, a power cut can leave an empty file.
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except UnicodeEncodeError as error:
            start = max(error.start - 20, 0)
            raise InputError(
                f'cannot write {path}: no UTF-8 text: '
                f'{error.object[start:error.end + 20]!a}. Such characters '
                'stand for bytes in the names of files or classes: rename '
                'them.') from error
        finally:
            with suppress(FileNotFoundError):
                os.remove(temporary)


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Add the fix to the message if a file cannot be written (OSError)."""
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno, f'cannot write {path}: {error.strerror}. Free some '
            'space, or make the folder writable, and run the same command '
            'again; labelling then continues where it stopped.') from error


@contextmanager
def new_folder(path: str) -> Iterator[str]:
    """Write a folder that is either complete or not there.

    Args:
        path (str): The folder, which must not exist.

    Yields:
        str: A temporary folder to write to. It is renamed at the end.

    Raises:
        InputError: The folder exists.
    """
    path = osp.normpath(path)
    if osp.exists(path):
        raise InputError(f'{path} exists, and its files may have been edited. '
                         'Choose another name, or remove it.')
    unfinished = path + '.tmp'
    shutil.rmtree(unfinished, ignore_errors=True)
    os.makedirs(unfinished)
    try:
        yield unfinished
    # Also after Ctrl-C.
    except BaseException:
        shutil.rmtree(unfinished)
        raise
    os.replace(unfinished, path)


def file_names(images: List[dict], suffix: str, path: str) -> Dict[int, str]:
    """Derive file names from the names of images.

    Args:
        images (list[dict]): Images of a COCO file.
        suffix (str): Replaces their suffix, for example '.json'.
        path (str): The COCO file, for messages.

    Returns:
        dict[int, str]: Names by image id, relative to the folder.

    Raises:
        InputError: Two images get the same name, or a name leads out of the
            folder.
    """
    names = {
        img['id']: osp.normpath(osp.splitext(img['file_name'])[0] + suffix)
        for img in images
    }
    uses = Counter(names.values())
    problems: Dict[str, list] = {}
    for img_id, name in names.items():
        if uses[name] > 1:
            text = 'its `file_name` differs from another only in the suffix'
        elif osp.isabs(name) or name.split(os.sep)[0] == os.pardir:
            text = 'its `file_name` leads out of the folder of the images'
        else:
            continue
        problems.setdefault(text, []).append(img_id)
    raise_problems(problems, 'image', path)
    return names
