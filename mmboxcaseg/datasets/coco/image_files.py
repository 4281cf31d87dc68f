"""What the headers of image files tell, and the refusal of bad files.

A header is read in a fraction of a millisecond, so all are read before any
work starts. That a file was cut short only decoding shows, see docs/images.md.
"""
import os.path as osp
from contextlib import suppress
from io import BytesIO
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

import cv2
import numpy as np
from mmengine.fileio import exists, get, list_dir_or_file
from PIL import Image

from mmboxcaseg import InputError

# What is wrong with an image, and the remedy.
PROBLEMS: Dict[str, Tuple[str, str]] = {
    'image-unreadable':
    ('the file is no image', 'replace it, or take it out of the data'),
    'image-depth':
    ('it has more than 8 bits a channel, of which loading would keep the '
     'upper 8 or none', 'convert it to 8 bits'),
    'image-turned':
    ('`width` and `height` are those before its EXIF orientation turns it',
     'set color_type="color_ignore_orientation" in LoadImageFromFile if the '
     'boxes are right in the image as it is stored; else correct them'),
    'image-size':
    ('the file has another size than `width` and `height` say',
     'correct `width` and `height` if the boxes fit the file; else get the '
     'file that the boxes were drawn in'),
    'mask-unreadable': ('its mask is no image',
                        'replace the mask, or remove it and its image'),
    'mask-form': ('its mask has colours, a palette, transparency or 16 bits',
                  'write the mask as a grey image of 8 bits, 0 and 255'),
    'mask-size': ('its mask has another size than the image as it is loaded',
                  'get the right mask; if the image has an EXIF orientation, '
                  'which is not applied to masks, save it upright'),
}
# Files in folders of images that count as such, in any case.
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.bmp', '.webp',
                  '.tif', '.tiff', '.gif', '.avif')
# Pillow refuses large images as an attack; here only headers are read.
Image.MAX_IMAGE_PIXELS = None
_ORIENTATION = 0x0112
# cv2 follows the orientation in these; Pillow calls a JPEG with previews MPO.
_TURNED_FORMATS = ('JPEG', 'MPO', 'PNG')
_FLAGS = dict(color=cv2.IMREAD_COLOR, grayscale=cv2.IMREAD_GRAYSCALE)
_JPEG_START, _JPEG_END = b'\xff\xd8', b'\xff\xd9'


class ImageHeader(NamedTuple):
    """What the header of an image file says.

    Args:
        mode (str): Pillow's name of the pixels: 'L', 'RGB', 'CMYK', ...
        deep (bool): Whether a channel has more than 8 bits.
        transparent (bool): Whether there is an alpha channel or a
            transparent colour.
        width (int): Width in pixels as it is stored.
        height (int): Height in pixels as it is stored.
        orientation (int): EXIF orientation, 1 to 8, that loading follows; 1
            is upright.
    """
    mode: str
    deep: bool
    transparent: bool
    width: int
    height: int
    orientation: int

    def loaded_size(self, upright: bool = True) -> Tuple[int, int]:
        """Size of the image when it is loaded.

        Args:
            upright (bool): Whether the loader follows the orientation.
                Defaults to True.

        Returns:
            tuple[int]: Height and width in pixels.
        """
        if upright and self.orientation >= 5:
            return self.width, self.height
        return self.height, self.width


def is_remote(path: str, backend_args: Optional[dict] = None) -> bool:
    """Whether a header costs the transfer of the whole file.

    Args:
        path (str): The file.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.
            Defaults to None.

    Returns:
        bool: False if the file is opened by its path.
    """
    backend = (backend_args or {}).get('backend', 'local')
    return '://' in path or backend != 'local'


def missing_files(folder: str,
                  names: Sequence[str],
                  backend_args: Optional[dict] = None) -> List[str]:
    """Find the files that do not exist.

    Args:
        folder (str): What the names are relative to.
        names (Sequence[str]): The files.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.
            Defaults to None.

    Returns:
        list[str]: Those of the names, in their order.
    """
    paths = [osp.join(folder, name) for name in names]
    # A request to a storage lists many files, or asks for one.
    parents = {
        osp.dirname(path)
        for path in paths if is_remote(path, backend_args)
    }
    listed: Set[str] = set()
    for parent in parents:
        with suppress(FileNotFoundError):
            found = list_dir_or_file(
                parent, list_dir=False, backend_args=backend_args)
            listed.update(osp.join(parent, name) for name in found)
    return [
        name for name, path in zip(names, paths)
        if path not in listed and not exists(path, backend_args=backend_args)
    ]


def read_header(path: str,
                backend_args: Optional[dict] = None) -> Optional[ImageHeader]:
    """Read the header of an image file.

    Args:
        path (str): The file.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.
            Defaults to None.

    Returns:
        ImageHeader, optional: None if it is no image.

    Raises:
        FileNotFoundError: It does not exist.
    """
    try:
        file = path
        if is_remote(path, backend_args):
            file = BytesIO(get(path, backend_args=backend_args))
        with Image.open(file) as im:
            return ImageHeader(im.mode, _is_deep(im), im.has_transparency_data,
                               *im.size, _orientation(im))
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError):
        return None


def image_problem(path: str,
                  size: Optional[Tuple[int, int]] = None,
                  upright: bool = True) -> Optional[str]:
    """Find out by its header whether an image can be used.

    Args:
        path (str): The image file.
        size (tuple[int], optional): Height and width that are expected.
        upright (bool): Whether the loader follows the EXIF orientation.
            Defaults to True.

    Returns:
        str, optional: What is wrong, a key of ``PROBLEMS``.
    """
    return header_problem(read_header(path), size, upright)


def header_problem(header: Optional[ImageHeader],
                   size: Optional[Tuple[int, int]] = None,
                   upright: bool = True) -> Optional[str]:
    """See :func:`image_problem`."""
    if header is None:
        return 'image-unreadable'
    if header.deep:
        return 'image-depth'
    if size in (None, header.loaded_size(upright)):
        return None
    stored = header.loaded_size(upright=False)
    return 'image-turned' if size == stored else 'image-size'


def mask_problem(image: ImageHeader,
                 mask: Optional[ImageHeader],
                 upright: bool = True) -> Optional[str]:
    """Find out by the headers whether a salient mask can be used.

    Args:
        image (ImageHeader): Header of the image.
        mask (ImageHeader, optional): Header of its mask, None if it is no
            image.
        upright (bool): Whether the image is loaded as its EXIF orientation
            says; masks never are. Defaults to True.

    Returns:
        str, optional: What is wrong, a key of ``PROBLEMS``.
    """
    if mask is None:
        return 'mask-unreadable'
    if mask.deep or mask.transparent or mask.mode not in ('1', 'L'):
        return 'mask-form'
    same = mask.loaded_size(upright=False) == image.loaded_size(upright)
    return None if same else 'mask-size'


def describe(code: str) -> str:
    """Write a problem and its remedy as one text."""
    return '{} ({})'.format(*PROBLEMS[code])


def is_readable(path: str, backend_args: Optional[dict] = None) -> bool:
    """Whether LoadImageFromFile of mmcv can decode a file.

    It cannot read a JPEG that was cut short, unlike :func:`load_image`.
    """
    with suppress(InputError):
        return load_image(path, backend_args=backend_args)[1]
    return False


def _is_deep(im: Image.Image) -> bool:
    """Pillow has no mode for colours of 16 bits, but names their decoder."""
    decoders = ' '.join(str(tile.args) for tile in im.tile)
    return im.mode[0] in 'IF' or ';16' in decoders


def _orientation(im: Image.Image) -> int:
    exif = Image.Exif()
    if im.format in _TURNED_FORMATS:
        with suppress(SyntaxError):  # no EXIF data at all
            exif.load(im.info.get('exif', b''))
    value = exif.get(_ORIENTATION, 1)
    return value if value in range(1, 9) else 1


def load_image(path: str,
               flag: str = 'color',
               backend_args: Optional[dict] = None) -> Tuple[np.ndarray, bool]:
    """Read an image, also a JPEG file that was cut short.

    Args:
        path (str): The image. OpenCV turns it upright as its EXIF
            orientation says, see docs/images.md.
        flag (str): 'color' or 'grayscale'. Defaults to 'color'.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.
            Defaults to None.

    Returns:
        tuple: The image, has shape (H, W, 3), or (H, W) if grey; and whether
        its file is complete. What a file lacks is grey in the image.

    Raises:
        OSError: The file does not exist.
        InputError: It cannot be decoded.
    """
    content = get(path, backend_args=backend_args)
    image = _decode(content, flag)
    if image is not None:
        return image, True
    if content.startswith(_JPEG_START):
        # cv2.imread() does the same, but needs a local file.
        image = _decode(content + _JPEG_END, flag)
    if image is None:
        raise InputError(f'{path} cannot be read as an image: replace it, or '
                         'remove it and its annotations or mask.')
    return image, False


def read_image(path: str,
               flag: str = 'color',
               backend_args: Optional[dict] = None) -> np.ndarray:
    """See :func:`load_image`."""
    return load_image(path, flag, backend_args)[0]


def _decode(content: bytes, flag: str) -> Optional[np.ndarray]:
    if not content:
        return None  # OpenCV would raise an error
    return cv2.imdecode(np.frombuffer(content, np.uint8), _FLAGS[flag])
