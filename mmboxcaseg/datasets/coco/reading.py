"""Read JSON and COCO files; all problems are reported at once."""
import json
from typing import Any, Optional

from mmengine.fileio import exists, get_text

from mmboxcaseg import InputError
from mmboxcaseg.structures import to_rle
from .schema import check_coco

MARK = '\ufeff'  # the byte order mark


def load_json(path: str,
              backend_args: Optional[dict] = None,
              may_have_mark: bool = True) -> Any:
    """Read a JSON file.

    Args:
        path (str): The file.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.
        may_have_mark (bool): Whether it may begin with a byte order mark,
            which some Windows programs write, and mmdet cannot read. Defaults
            to True.

    Returns:
        Any: Its content. NaN and Infinity, which JSON does not allow, become
        strings, so that the checks of numbers refuse them.

    Raises:
        FileNotFoundError: The file does not exist.
        InputError: It is not JSON, or has a mark that it must not have.
    """
    # Each storage backend raises another error for a missing file.
    if not exists(path, backend_args=backend_args):
        raise FileNotFoundError(
            f'{path} does not exist. Set `ann_file` (or `data_root`) of the '
            'dataset, or the argument of the tool, to a COCO JSON file.')
    try:
        text = get_text(path, backend_args=backend_args)
        data = json.loads(text.removeprefix(MARK), parse_constant=str)
    except ValueError as error:
        raise InputError(f'{path} is not valid JSON: {error}. If it was cut '
                         'short, write it again.') from error
    if text.startswith(MARK) and not may_have_mark:
        raise InputError(
            f'{path} begins with a byte order mark (BOM), which mmdet cannot '
            'read: write it again as UTF-8 without BOM.')
    return data


def load_coco(path: str, backend_args: Optional[dict] = None) -> dict:
    """Read a COCO file of boxes, with or without proxy masks.

    Args:
        path (str): The JSON file.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.

    Returns:
        dict: Its content; proxy masks that are polygons become RLE.

    Raises:
        FileNotFoundError: The file does not exist.
        InputError: It is not JSON, or not a COCO file. The message names
            the file, the ids, what is wrong with them and the fix.
    """
    data = load_json(path, backend_args)
    check_coco(data, path)
    read_polygons(data)
    return data


def read_polygons(data: dict) -> None:
    """Turn the polygons of proxy masks into compressed RLE, in place.

    Args:
        data (dict): Content of a COCO file that :func:`check_coco` accepts.
    """
    sizes = {i['id']: (i['height'], i['width']) for i in data['images']}
    for ann in data['annotations']:
        if 'mask_score' in ann and isinstance(ann['segmentation'], list):
            ann['segmentation'] = to_rle(ann['segmentation'],
                                         *sizes[ann['image_id']])
