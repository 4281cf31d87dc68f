"""What the headers of image files say, and which files are refused.

Headers are read fast, so all are read before any work starts. Damaged files
are found only by decoding them, see docs/images.md.
"""
import logging
import os.path as osp
import struct
from collections import defaultdict
from contextlib import suppress
from io import BytesIO
from typing import (Dict, Iterable, List, NamedTuple, Optional, Sequence, Set,
                    Tuple)

from mmengine.fileio import exists, get, list_dir_or_file
from mmengine.logging import print_log
from PIL import Image

from mmboxcaseg import InputError
from .decoding import is_cut
from .messages import first_few, raise_problems

# Problems of image files: what is wrong, and the fix.
PROBLEMS: Dict[str, Tuple[str, str]] = {
    'image-unreadable':
    ('the file is not an image', 'replace it, or remove it from the data set'),
    'image-depth':
    ('it has more than 8 bits per channel; loading would keep the upper 8 or '
     'none', 'convert it to 8 bits'),
    'image-turned':
    ('`width` and `height` do not take its EXIF orientation into account',
     'if the boxes fit the image as it is stored, remove the EXIF orientation '
     'from the file, or set color_type="color_ignore_orientation" in every '
     'LoadImageFromFile of the config; else correct `width` and `height`'),
    'image-size':
    ('the file has another size than `width` and `height`',
     'correct `width` and `height` if the boxes fit the file; else get the '
     'file that the boxes were drawn in'),
    'mask-unreadable': ('its mask is not an image',
                        'replace the mask, or remove it and its image'),
    'mask-form': ('its mask has colours, a palette, transparency or 16 bits',
                  'write the mask as a grey image of 8 bits, 0 and 255'),
    'mask-size': ('its mask has another size than the image as it is loaded',
                  'get the right mask; if the image has an EXIF orientation, '
                  'which is not applied to masks, save it upright'),
}
# Suffixes of image files, in any case.
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.bmp', '.webp',
                  '.tif', '.tiff', '.gif', '.avif')
# Pillow refuses large images as an attack; here only headers are read.
Image.MAX_IMAGE_PIXELS = None
_ORIENTATION = 0x0112
# OpenCV applies the orientation of these formats. MPO: a JPEG with previews.
_TURNED_FORMATS = ('JPEG', 'MPO', 'PNG')


class ImageHeader(NamedTuple):
    """Header of an image file.

    Args:
        mode (str): Pillow's name of the pixel format: 'L', 'RGB', 'CMYK', ...
        deep (bool): Whether a channel has more than 8 bits.
        transparent (bool): Whether a channel or a colour is transparent.
        width (int): Width in pixels as stored.
        height (int): Height in pixels as stored.
        orientation (int): EXIF orientation that loading applies; 1 is upright.
        is_cut (bool): Whether it is a JPEG that lacks its last bytes.
    """
    mode: str
    deep: bool
    transparent: bool
    width: int
    height: int
    orientation: int
    is_cut: bool = False

    def loaded_size(self, upright: bool = True) -> Tuple[int, int]:
        """Size of the image that a loader returns.

        Args:
            upright (bool): Whether the loader applies the EXIF orientation.
                Defaults to True.

        Returns:
            tuple[int]: Height and width in pixels.
        """
        # Orientations 5 to 8 exchange width and height.
        if upright and self.orientation >= 5:
            return self.width, self.height
        return self.height, self.width


def is_remote(path: str, backend_args: Optional[dict] = None) -> bool:
    """Whether reading a header transfers the whole file.

    Args:
        path (str): The file.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.

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
        folder (str): Folder that the names are relative to.
        names (Sequence[str]): The files.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.

    Returns:
        list[str]: The missing names, in the given order.

    Raises:
        InputError: A name is a URL, which mmengine would try to open.
    """
    addresses = [name for name in names if '://' in name]
    if addresses:
        raise InputError(
            f'{len(addresses)} file names contain "://": '
            f'{first_few(addresses)}. `file_name` must be a path relative to '
            'the folder of the images: download these files, and write their '
            'names there.')
    paths = [osp.join(folder, name) for name in names]
    # Listing a remote folder takes one request instead of one per file.
    remote = [path for path in paths if is_remote(path, backend_args)]
    listed: Set[str] = set()
    for parent in set(map(osp.dirname, remote)):
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

    Returns:
        ImageHeader, optional: None if it is not an image.

    Raises:
        FileNotFoundError: It does not exist.
    """
    try:
        file = BytesIO(get(path, backend_args=backend_args)) if is_remote(
            path, backend_args) else open(path, 'rb')
        with file, Image.open(file) as im:
            return ImageHeader(im.mode, _is_deep(im), im.has_transparency_data,
                               *im.size, _orientation(im), is_cut(file))
    except FileNotFoundError:
        raise
    except Exception:  # each format of Pillow raises others if it is broken
        return None


def image_problem(path: str,
                  size: Optional[Tuple[int, int]] = None,
                  upright: bool = True) -> Optional[str]:
    """Check whether a file can be used as an image, by its header.

    Args:
        path (str): A local file.
        size, upright: See :func:`header_problem`.

    Returns:
        str, optional: What is wrong, a key of ``PROBLEMS``.

    Raises:
        FileNotFoundError: The file does not exist.
    """
    return header_problem(read_header(path), size, upright)


def header_problem(header: Optional[ImageHeader],
                   size: Optional[Tuple[int, int]] = None,
                   upright: bool = True) -> Optional[str]:
    """Check whether an image can be used, by its header.

    Args:
        header (ImageHeader, optional): None if it is not an image.
        size (tuple[int], optional): Height and width that are expected.
        upright (bool): Whether the loader applies the EXIF orientation.

    Returns:
        str, optional: What is wrong, a key of ``PROBLEMS``.
    """
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
    """Check whether a salient mask can be used, by the headers.

    Args:
        image (ImageHeader): Header of the image.
        mask (ImageHeader, optional): Header of its mask; None if the mask is
            not an image.
        upright (bool): Whether the loader applies the EXIF orientation to
            the image; masks are never turned.

    Returns:
        str, optional: What is wrong, a key of ``PROBLEMS``.
    """
    if mask is None:
        return 'mask-unreadable'
    # '1' and 'L' are loaded as one channel; '1' becomes 0 and 255.
    if mask.deep or mask.transparent or mask.mode not in ('1', 'L'):
        return 'mask-form'
    same = mask.loaded_size(upright=False) == image.loaded_size(upright)
    return None if same else 'mask-size'


def check_headers(found: Iterable[Tuple[str, Optional[ImageHeader],
                                        Optional[str]]], where: str) -> None:
    """Refuse unusable images of a data set; warn about truncated JPEGs.

    Args:
        found (Iterable[tuple]): Name, header and problem of each image, see
            :func:`header_problem` and :func:`mask_problem`.
        where (str): The data set, for the messages.

    Raises:
        InputError: There are problems.
    """
    problems, cut, total = defaultdict(list), [], 0
    for total, (name, header, code) in enumerate(found, start=1):
        if code:
            problems[describe(code)].append(name)
        elif header.is_cut:
            cut.append(osp.basename(name))
    raise_problems(problems, 'image', where)
    if cut:
        print_log(
            f'{where}: {len(cut)} of {total} images were cut short. They '
            'are used as far as they can be decoded; missing pixels are grey: '
            f'{first_few(cut)}', 'current', logging.WARNING)


def describe(code: str) -> str:
    """Write a problem and its fix as one text."""
    return '{} ({})'.format(*PROBLEMS[code])


def _is_deep(im: Image.Image) -> bool:
    """Whether a channel has more than 8 bits."""
    # Pillow has no mode for 16-bit colours, but the name of the decoder tells.
    decoders = ' '.join(str(tile.args) for tile in im.tile)
    return im.mode[0] in 'IF' or ';16' in decoders


def _orientation(im: Image.Image) -> int:
    exif = Image.Exif()
    if im.format in _TURNED_FORMATS:
        # No EXIF data at all, or cut off: OpenCV does not turn it, either.
        with suppress(SyntaxError, struct.error):
            exif.load(im.info.get('exif', b''))
    value = exif.get(_ORIENTATION, 1)
    # OpenCV ignores other values, and so does Pillow.
    return value if value in range(1, 9) else 1
