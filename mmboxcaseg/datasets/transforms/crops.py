"""Crops for the labeller.

Letters in shapes: n boxes of an item (1 in training), m crops of a box (1 in
training), S side of a crop.
"""
from typing import Optional, Sequence, Tuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmboxcaseg import InputError
from mmboxcaseg.registry import TRANSFORMS
from mmboxcaseg.structures import (jitter_box, label_windows, pixel_boxes,
                                   tight_box)
from .fading_resize import resize_fading


def crop_side(size: Optional[int], results: dict) -> int:
    """Get the side of the crops of an item in pixels.

    Args:
        size (int, optional): ``size`` of the transform.
        results (dict): The item, with the ``crop_size`` of its data set.

    Returns:
        int: ``size``, or ``crop_size`` if ``size`` is not set.

    Raises:
        InputError: Neither is set.
    """
    side = size or results.get('crop_size')
    if not side:
        raise InputError('the size of the crops is not set: set `crop_size` '
                         'of the data set, in pixels.')
    return side


class CropTransform(BaseTransform):
    """A transform whose repr shows its attributes."""

    def __repr__(self) -> str:
        options = ', '.join(f'{key}={value}'
                            for key, value in vars(self).items())
        return f'{self.__class__.__name__}({options})'


@TRANSFORMS.register_module()
class CropBoxes(CropTransform):
    """Cut a square crop for every box, regardless of its aspect ratio.

    Required Keys: ``img``, ``img_path``, ``height``, ``width``,
    ``instances``.

    Added Keys: ``crops`` (n * m, S, S, 3) uint8; ``windows`` (n, 4), the
    pixel boxes; ``views`` (n, m, 4), the regions that the crops show, only if
    they differ from the windows; ``shown_bboxes`` (n, m, 4) float32, the true
    boxes in pixels of each crop; ``gt_bboxes`` (n, 4), the true boxes in the
    first crop of each box.

    Args:
        size (int, optional): Side S in pixels. Defaults to the ``crop_size``
            of the data set.
        shift (tuple[float]): Range of the relative shift of the box, drawn
            for x and y (section 3.2.2). Defaults to (0, 0).
        scale (tuple[float]): Range of the factor of width and height.
            Defaults to (1, 1): the crop is the box.
        flip_prob (float): Probability of a horizontal flip. Defaults to 0,
            as in the paper.
        centred (bool): See :func:`jitter_box`. Defaults to False.
        truncate (bool): See :func:`pixel_boxes`. Defaults to False.
        margins (Sequence[float]): Each margin gives one crop per box: the box
            extended on every side by the margin times its width or height.
            Labelling averages the crops; training takes one. Defaults to
            (0, ).
        zero_padding (bool): Whether to resize as the authors' code does, see
            :func:`resize_fading`; crops are then float32. Defaults to False.

    Raises:
        InputError: ``margins`` is not a list of numbers of at least 0, or
            the image file has another size than in the JSON.
    """

    def __init__(self,
                 size: Optional[int] = None,
                 shift: Tuple[float, float] = (0, 0),
                 scale: Tuple[float, float] = (1, 1),
                 flip_prob: float = 0,
                 centred: bool = False,
                 truncate: bool = False,
                 margins: Sequence[float] = (0, ),
                 zero_padding: bool = False) -> None:
        self.size = size
        self.shift = shift
        self.scale = scale
        self.flip_prob = flip_prob
        self.centred = centred
        self.truncate = truncate
        self.margins = check_margins(margins)
        self.zero_padding = zero_padding

    def transform(self, results: dict) -> dict:
        """Cut the crops of an item.

        Args:
            results (dict): Item of :class:`BoxCropDataset`, image loaded.

        Returns:
            dict: The item with the added keys.

        Raises:
            InputError: See the class; or no crop size is set.
        """
        img = results['img']
        shape = img.shape[:2]
        check_size(results, shape)
        size = crop_side(self.size, results)
        boxes = np.array([ins['bbox'] for ins in results['instances']],
                         dtype=np.float64)
        jittered = np.stack([self._jitter(box) for box in boxes])
        # Where a jittered box lies outside the image, the box itself is used.
        windows = label_windows(jittered, *shape, self.truncate, boxes)
        views = windows[:, None]
        if any(self.margins) or len(self.margins) > 1:
            views = results['views'] = self._views(jittered, windows, shape)
        results['crops'] = np.stack([
            self._resize(img[y0:y1, x0:x1], size)
            for x0, y0, x1, y1 in views.reshape(-1, 4)
        ])
        corner, extent = views[..., :2], views[..., 2:] - views[..., :2]
        shown = np.float32(
            (boxes[:, None] - np.tile(corner, 2)) * size / np.tile(extent, 2))
        if np.random.rand() < self.flip_prob:
            results['crops'] = results['crops'][:, :, ::-1]
            shown[..., [0, 2]] = size - shown[..., [2, 0]]
        results['windows'] = windows
        results['shown_bboxes'] = shown
        # In training a box has only one crop, and the loss uses this box.
        results['gt_bboxes'] = shown[:, 0]
        return results

    def _resize(self, crop: np.ndarray, size: int) -> np.ndarray:
        if self.zero_padding:
            return resize_fading(crop, size)
        return cv2.resize(crop, (size, size))

    def _jitter(self, box: np.ndarray) -> np.ndarray:
        # Return it unchanged: jitter_box() would add a rounding error.
        if tuple(self.shift) == (0, 0) and tuple(self.scale) == (1, 1):
            return box
        return jitter_box(box, np.random.uniform(*self.shift, 2),
                          np.random.uniform(*self.scale, 2), self.centred)

    def _views(self, boxes: np.ndarray, windows: np.ndarray,
               shape: Tuple[int, int]) -> np.ndarray:
        """Pixel boxes (n, m, 4) of boxes (n, 4) with all margins."""
        extent = np.tile(boxes[:, 2:] - boxes[:, :2], 2) * [-1, -1, 1, 1]
        margins = np.array(self.margins, dtype=np.float64)[:, None]
        views = boxes[:, None] + margins * extent[:, None]
        views = pixel_boxes(views, *shape, self.truncate).reshape(views.shape)
        # Each holds its window, also if the jittered box is outside the image
        # or `truncate` cuts the end of the view off.
        corner, end = windows[:, None, :2], windows[:, None, 2:]
        views[..., :2] = np.minimum(views[..., :2], corner)
        views[..., 2:] = np.maximum(views[..., 2:], end)
        return views


def check_margins(margins: Sequence[float]) -> Tuple[float, ...]:
    """Refuse margins that are not a list of numbers of at least 0."""
    is_list = isinstance(margins, (list, tuple))
    # NaN is not 0 or more.
    if not is_list or not margins or not all(
            isinstance(m, (int, float)) and m >= 0 for m in margins):
        raise InputError(f'margins={margins!r} of CropBoxes must be a list of '
                         'numbers of at least 0, such as [0.25]; each margin '
                         'gives one crop of a box.')
    return tuple(margins)


def check_size(results: dict, shape: Tuple[int, int]) -> None:
    """Refuse an image whose size differs from the annotation file.

    Args:
        results (dict): Item of a data set that reads a COCO file.
        shape (tuple[int]): Height and width of the loaded image.

    Raises:
        InputError: The image has another size than its item says.
    """
    height, width = shape
    if (height, width) != (results['height'], results['width']):
        raise InputError(
            f'{results["img_path"]} has {width}x{height} pixels, but its '
            f'annotation file says {results["width"]}x{results["height"]}: '
            'correct `width` and `height` there.')


@TRANSFORMS.register_module()
class CropSalientObject(CropTransform):
    """Cut a salient image as :class:`CropBoxes` cuts a box in training.

    The object then fills its crop as objects fill the crops of boxes. The
    paper uses the whole salient image instead (section 3.2.2).

    Required Keys: ``img``, ``gt_seg_map`` (foreground brighter than 127).

    Modified Keys: both, to the shape (S, S, 3) and (S, S).

    Args:
        size (int, optional): Side S in pixels. Defaults to the ``crop_size``
            of the data set.
        shift (tuple[float]): See :class:`CropBoxes`.
        scale (tuple[float]): See :class:`CropBoxes`.
        centred (bool): See :func:`jitter_box`. Defaults to False.
    """

    def __init__(self,
                 size: Optional[int] = None,
                 shift: Sequence[float] = (-0.25, 0.25),
                 scale: Sequence[float] = (0.5, 1.5),
                 centred: bool = False) -> None:
        self.size = size
        self.shift = shift
        self.scale = scale
        self.centred = centred

    def transform(self, results: dict) -> dict:
        """Cut the crop; use the whole image if the mask is empty."""
        img, seg_map = results['img'], results['gt_seg_map']
        height, width = img.shape[:2]
        box = np.array(tight_box(seg_map > 127), dtype=np.float64)
        if not box.any():
            box[2:] = width, height
        jittered = jitter_box(box, np.random.uniform(*self.shift, 2),
                              np.random.uniform(*self.scale, 2), self.centred)
        x0, y0, x1, y1 = pixel_boxes(jittered, height, width)[0]
        size = (crop_side(self.size, results), ) * 2
        results['img'] = cv2.resize(img[y0:y1, x0:x1], size)
        results['gt_seg_map'] = cv2.resize(
            seg_map[y0:y1, x0:x1], size, interpolation=cv2.INTER_NEAREST)
        return results
