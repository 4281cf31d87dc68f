"""Decoding of image files, also of a JPEG that lacks its last bytes."""
import os
from contextlib import suppress
from typing import BinaryIO, Optional, Tuple

import cv2
import numpy as np
from mmengine.fileio import get

from mmboxcaseg import InputError

# Names of mmcv's flags.
FLAGS = {
    name: getattr(cv2, f'IMREAD_{name.upper()}')
    for name in ('color', 'grayscale', 'unchanged')
}
# JPEG markers: start and end of the image, start of its pixels.
_START, _END, _PIXELS = b'\xff\xd8', b'\xff\xd9', b'\xff\xda'


def decode_image(
        content: bytes,
        flags: int = cv2.IMREAD_COLOR) -> Tuple[Optional[np.ndarray], bool]:
    """Decode an image, also a JPEG that was cut short.

    Args:
        content (bytes): Content of the file.
        flags (int): See :func:`cv2.imdecode`. Defaults to BGR.

    Returns:
        tuple: The image, has shape (H, W, 3), or (H, W) if grey (None if it
        cannot be decoded); and whether the file is complete. Missing pixels
        are grey.
    """
    if not content:
        return None, False  # OpenCV would raise an error
    image = _decode(content, flags)
    if image is not None or not content.startswith(_START):
        return image, True
    # cv2.imread() decodes such files; cv2.imdecode() needs the end marker.
    content += _END
    return _decode(content, flags), False


def load_image(path: str,
               flag: str = 'color',
               backend_args: Optional[dict] = None) -> Tuple[np.ndarray, bool]:
    """Read an image as the data sets load it, see :func:`decode_image`.

    Args:
        path (str): The image file. For EXIF orientation see docs/images.md.
        flag (str): A key of ``FLAGS``. Defaults to 'color'.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.

    Returns:
        tuple: The image (np.ndarray) and whether the file is complete.

    Raises:
        OSError: The file does not exist.
        InputError: It cannot be decoded.
    """
    content = get(path, backend_args=backend_args)
    image, is_complete = decode_image(content, FLAGS[flag])
    if image is None:
        raise InputError(f'{path} cannot be read as an image: replace it, or '
                         'remove it and its annotations or mask.')
    return image, is_complete


def read_image(path: str,
               flag: str = 'color',
               backend_args: Optional[dict] = None) -> np.ndarray:
    """Get only the image of :func:`load_image`, with the same arguments."""
    return load_image(path, flag, backend_args)[0]


def is_readable(path: str, backend_args: Optional[dict] = None) -> bool:
    """Whether a file can be decoded as an image."""
    with suppress(InputError):
        read_image(path, backend_args=backend_args)
        return True
    return False


def is_cut(file: BinaryIO) -> bool:
    """Whether an open file is a JPEG without end marker."""
    file.seek(0)
    if file.read(2) != _START:
        return False
    # Most files end with the marker, so few are read completely.
    file.seek(-2, os.SEEK_END)
    if file.read() == _END:
        return False
    file.seek(0)
    content = file.read()
    # A thumbnail in the header has an end marker, too, before the pixels.
    return content.rfind(_END) < content.rfind(_PIXELS)


def _decode(content: bytes, flags: int) -> Optional[np.ndarray]:
    # An error is raised, for example, if a damaged size is very large.
    with suppress(cv2.error):
        return cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    return None
