"""Reading and decoding of image files and of salient masks."""
import hashlib
import os.path as osp
from typing import NamedTuple, Optional, Tuple

import cv2
from mmcv.transforms import LoadImageFromFile
from mmengine.fileio import exists

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (ImageHeader, header_problem,
                                      mask_problem, read_header, read_image)

Task = Tuple[str, Optional[str], LoadImageFromFile]


class ImageFacts(NamedTuple):
    """Properties of an image file and of its salient mask.

    Args:
        problem (str, optional): Kind of the error that makes it unusable.
        header (ImageHeader, optional): Its header.
        size (tuple[int], optional): Height and width as it is loaded.
        digest (bytes, optional): Hash of its pixels as they are loaded.
        transparent (bool): Whether parts of it are transparent.
        mask_kinds (tuple[str]): Kinds of findings of the mask.
    """
    problem: Optional[str] = None
    header: Optional[ImageHeader] = None
    size: Optional[Tuple[int, int]] = None
    digest: Optional[bytes] = None
    transparent: bool = False
    mask_kinds: Tuple[str, ...] = ()


def inspect_image(task: Task) -> ImageFacts:
    """Read and decode an image file, and its mask if it has one.

    Args:
        task (tuple): Path of the image, path of its salient mask or None,
            and the transform that loads the image.

    Returns:
        ImageFacts: Its properties.
    """
    path, mask_path, loader = task
    backend_args = loader.backend_args
    if not exists(path, backend_args=backend_args):
        return ImageFacts('image-missing')
    header = read_header(path, backend_args)
    problem = header_problem(header)
    if problem:
        return ImageFacts(problem, header)
    try:
        img = loader(dict(img_path=path))['img']
    # Errors of mmcv, Pillow and OpenCV, in this order.
    except (AssertionError, OSError, cv2.error):
        return ImageFacts('image-damaged', header)
    return ImageFacts(
        header=header,
        size=img.shape[:2],
        digest=hashlib.blake2b(img, digest_size=16).digest(),
        transparent=header.transparent and _is_transparent(path, backend_args),
        mask_kinds=inspect_mask(mask_path, header, img.shape[:2], backend_args)
        if mask_path else ())


def inspect_mask(path: str,
                 image: ImageHeader,
                 size: Tuple[int, int],
                 backend_args: Optional[dict] = None) -> Tuple[str, ...]:
    """Read and decode a salient mask.

    Args:
        path (str): The mask.
        image (ImageHeader): Header of its image.
        size (tuple[int]): Height and width of the image as it is loaded.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.

    Returns:
        tuple[str]: Kinds of findings.
    """
    # Whether the loader has applied the EXIF orientation.
    upright = size == image.loaded_size()
    problem = mask_problem(image, read_header(path, backend_args), upright)
    if problem:
        return (problem, )
    try:
        mask = read_image(path, 'unchanged', backend_args)
    except InputError:
        return ('mask-unreadable', )
    foreground = mask > 127
    if not foreground.any():
        return ('mask-dark' if mask.any() else 'mask-empty', )
    # Not an error: masks of salient data sets have soft edges.
    is_grey = ((mask > 0) & (mask < 255)).any()
    found = {'mask-full': foreground.all(), 'mask-grey': is_grey}
    return tuple(kind for kind, is_found in found.items() if is_found)


def _is_transparent(path: str, backend_args: Optional[dict]) -> bool:
    # Most images with an alpha channel are opaque: the pixels decide.
    img = read_image(path, 'unchanged', backend_args)
    return img.ndim == 3 and img.shape[2] == 4 and img[..., 3].min() < 255


def place_of(task: Task) -> tuple:
    """Identify an image file by its path and its storage backend."""
    path, _, loader = task
    return osp.realpath(path), str(loader.backend_args)
