"""Checks of image files and of salient masks, one file after the other."""
import hashlib
from typing import NamedTuple, Optional, Tuple

import cv2
import mmcv
from mmcv.transforms import LoadImageFromFile
from mmengine.fileio import exists

from mmboxcaseg.datasets.coco import (ImageHeader, header_problem,
                                      mask_problem, read_header)

Task = Tuple[str, Optional[str], LoadImageFromFile]


class ImageFacts(NamedTuple):
    """What an image file, and its salient mask, turned out to be.

    Args:
        problem (str, optional): Kind of the error that makes it unusable.
        header (ImageHeader, optional): Its header.
        size (tuple[int], optional): Height and width as it is loaded.
        digest (bytes, optional): Of its pixels as they are loaded.
        transparent (bool): Whether parts of it are.
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
            and what loads the image.

    Returns:
        ImageFacts: What was found.
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
            Defaults to None.

    Returns:
        tuple[str]: Kinds of findings.
    """
    upright = size == image.loaded_size()
    problem = mask_problem(image, read_header(path, backend_args), upright)
    if problem:
        return (problem, )
    mask = mmcv.imread(path, flag='unchanged', backend_args=backend_args)
    if mask is None:
        return ('mask-unreadable', )
    foreground = mask > 127
    if not foreground.any():
        return ('mask-dark' if mask.any() else 'mask-empty', )
    kinds = []
    if foreground.all():
        kinds.append('mask-full')
    if ((mask > 0) & (mask < 255)).any():
        kinds.append('mask-grey')
    return tuple(kinds)


def _is_transparent(path: str, backend_args: Optional[dict]) -> bool:
    img = mmcv.imread(path, flag='unchanged', backend_args=backend_args)
    return img.ndim == 3 and img.shape[2] == 4 and img[..., 3].min() < 255
