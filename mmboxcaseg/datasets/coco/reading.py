"""Read JSON and COCO files; all problems are reported at once."""
import json
from typing import Any, Optional

from mmengine.fileio import exists, get_text

from mmboxcaseg import InputError
from mmboxcaseg.structures import to_rle
from .messages import first_few
from .schema import check_coco

MARK = '\ufeff'  # the byte order mark
# LVIS has the address of an image instead of a `file_name`.
COCO_URL = 'http://images.cocodataset.org/'


def load_json(path: str,
              backend_args: Optional[dict] = None,
              for_mmdet: bool = False) -> Any:
    """Read a JSON file.

    Images are corrected, see :func:`fix_image`.

    Args:
        path (str): The file.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.
        for_mmdet (bool): Whether mmdet's CocoDataset reads the file, too.
            Then images are not corrected, and the file must not begin with a
            byte order mark, which some Windows programs write. Defaults to
            False.

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
    if text.startswith(MARK) and for_mmdet:
        raise InputError(
            f'{path} begins with a byte order mark (BOM), which mmdet cannot '
            'read: write it again as UTF-8 without BOM.')
    images = data.get('images') if isinstance(data, dict) else None
    if isinstance(images, list) and not for_mmdet:
        for img in images:
            fix_image(img)
    return data


def fix_image(img: object) -> None:
    """Correct an image in place.

    An image of LVIS gets its ``file_name``, for example
    train2017/000000391895.jpg, from the end of its ``coco_url``. A size like
    80.0, as pandas writes it, becomes an integer.

    Args:
        img (object): An entry of ``images``, as read from JSON.
    """
    if not isinstance(img, dict):
        return
    url = img.get('coco_url')
    if isinstance(url, str) and url.startswith(COCO_URL):
        img.setdefault('file_name', url.removeprefix(COCO_URL))
    for key in ('height', 'width'):
        side = img.get(key)
        if isinstance(side, float) and side.is_integer():
            img[key] = int(side)


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


def load_for_mmdet(path: str, backend_args: Optional[dict] = None) -> dict:
    """Read a COCO file that mmdet's CocoDataset will read, too.

    CocoDataset ends with a KeyError if a file lacks what it needs.

    Args:
        path (str): The JSON file.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.

    Returns:
        dict: Its content, not corrected.

    Raises:
        FileNotFoundError: The file does not exist.
        InputError: See :func:`load_coco`; or it begins with a byte order
            mark, an image has no ``file_name`` (LVIS), or an annotation has
            no ``area``.
    """
    data = load_json(path, backend_args, for_mmdet=True)
    check_coco(data, path)
    bare = [
        ann['id'] for ann in data['annotations']
        if 'area' not in ann and not ann.get('ignore')
    ]
    if bare:
        raise InputError(
            f'{path}: {len(bare)} of {len(data["annotations"])} annotations '
            f'have no `area`, which mmdet needs: annotation {first_few(bare)}.'
            ' tools/check_data.py --fix writes the areas of the boxes.')
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
