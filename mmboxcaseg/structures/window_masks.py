"""Ground-truth masks with weights, stored in windows."""
from typing import Callable, Iterator, Optional, Sequence, Tuple, Union

import mmcv
import numpy as np
import torch
from mmcv.ops import roi_align
from mmdet.structures.bbox import BaseBoxes, get_box_type
from mmdet.structures.mask import BitmapMasks
from torch import Tensor

from mmboxcaseg import InputError
from .boxes import tight_box

Offset = Union[float, Tuple[float, float]]


class WindowMasks(BitmapMasks):
    """Masks of the instances of an image, each with a weight.

    It replaces :class:`BitmapMasks` in a training pipeline and gives the same
    values. Only the window of a mask is stored: 300 objects of an image of 12
    megapixels take a few megabytes; as bitmaps they take 3.6 GB. Transforms
    select masks together with boxes, so the weights stay aligned with both.

    A mask with weight below 1 never changes or removes its box: its area and
    tight box (:attr:`areas`, :meth:`get_bboxes`) are those of the window, so
    that no transform drops the box because of its mask.

    Letters in shapes: n instances, H, W size of the image, (h, w) size of
    one window.

    Args:
        parts (Sequence[np.ndarray]): One binary mask per instance, cut to
            its window, each has shape (h, w).
        windows (np.ndarray): Integer windows, xyxy and half-open, has shape
            (n, 4).
        weights (np.ndarray): Weight of each mask in a loss, in [0, 1], has
            shape (n, ).
        height (int): H.
        width (int): W.
    """

    def __init__(self, parts: Sequence[np.ndarray], windows: np.ndarray,
                 weights: np.ndarray, height: int, width: int) -> None:
        self.parts = list(parts)
        self.windows = np.asarray(windows, dtype=np.int64).reshape(-1, 4)
        self.weights = np.asarray(weights, dtype=np.float32).reshape(-1)
        self.height = int(height)
        self.width = int(width)
        assert len(self.parts) == len(self.windows) == len(self.weights)

    @property
    def masks(self) -> np.ndarray:
        """Not supported: changes to a full-size copy would be lost.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            'A transform of the pipeline accesses `gt_masks.masks` '
            '(RandomErasing, CopyPaste, Albu, ...) and would lose the mask '
            'weights. Remove it, or replace CopyPaste by '
            'mmboxcaseg.ProxyCopyPaste.')

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(
            self, index: Union[int, slice, np.ndarray,
                               Tensor]) -> 'WindowMasks':
        """Select instances by position, positions or a boolean (n, )."""
        index = np.atleast_1d(np.arange(len(self))[index])
        return WindowMasks([self.parts[i] for i in index], self.windows[index],
                           self.weights[index], self.height, self.width)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield full-size masks one by one, each has shape (H, W)."""
        for part, (x0, y0, x1, y1) in zip(self.parts, self.windows):
            mask = np.zeros((self.height, self.width), dtype=np.uint8)
            mask[y0:y1, x0:x1] = part
            yield mask

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(num_masks={len(self)}, '
                f'height={self.height}, width={self.width})')

    @property
    def extents(self) -> list:
        """list[np.ndarray]: Masks of weight 1, and whole windows in place of
        the other masks, each has shape (h, w)."""
        return [
            part if weight == 1 else np.ones_like(part)
            for part, weight in zip(self.parts, self.weights)
        ]

    @property
    def areas(self) -> np.ndarray:
        """np.ndarray: Pixels of each extent, has shape (n, )."""
        return np.array([extent.sum() for extent in self.extents], dtype=int)

    def get_bboxes(self, dst_type: str = 'hbox') -> BaseBoxes:
        """Tight boxes (n, 4) of the extents, see :class:`BitmapMasks`."""
        _, box_type = get_box_type(dst_type)
        boxes = [
            np.tile(window[:2], 2) + tight_box(extent)
            for extent, window in zip(self.extents, self.windows)
        ]
        return box_type(np.array(boxes, dtype=np.float32).reshape(-1, 4))

    def rescale(self,
                scale: Union[float, Tuple[int, int]],
                interpolation: str = 'nearest') -> 'WindowMasks':
        """See :meth:`BitmapMasks.rescale`."""
        width, height = mmcv.rescale_size((self.width, self.height), scale)
        return self.resize((height, width), interpolation)

    def resize(self,
               out_shape: Tuple[int, int],
               interpolation: str = 'nearest') -> 'WindowMasks':
        """See :meth:`BitmapMasks.resize`.

        Raises:
            InputError: The interpolation is not 'nearest'.
        """
        if interpolation != 'nearest':
            raise InputError(f'masks are resized by nearest interpolation, '
                             f'not {interpolation!r}')
        rows = _nearest_pixels(self.height, out_shape[0])
        cols = _nearest_pixels(self.width, out_shape[1])
        x0, x1 = np.searchsorted(cols, self.windows[:, 0::2].T)
        y0, y1 = np.searchsorted(rows, self.windows[:, 1::2].T)
        windows = np.stack([x0, y0, x1, y1], axis=1)
        parts = []
        for part, (left, top, *_), window in zip(self.parts, self.windows,
                                                 windows):
            x0, y0, x1, y1 = window
            parts.append(part[rows[y0:y1, None] - top, cols[x0:x1] - left])
        return WindowMasks(parts, windows, self.weights, *out_shape)

    def flip(self, flip_direction: str = 'horizontal') -> 'WindowMasks':
        """See :meth:`BitmapMasks.flip`."""
        assert flip_direction in ('horizontal', 'vertical', 'diagonal')
        parts, windows = self.parts, self.windows
        if flip_direction != 'vertical':
            parts = [part[:, ::-1] for part in parts]
            windows = windows[:, [2, 1, 0, 3]] * [-1, 1, -1, 1]
            windows = windows + [self.width, 0, self.width, 0]
        if flip_direction != 'horizontal':
            parts = [part[::-1] for part in parts]
            windows = windows[:, [0, 3, 2, 1]] * [1, -1, 1, -1]
            windows = windows + [0, self.height, 0, self.height]
        return WindowMasks(parts, windows, self.weights, self.height,
                           self.width)

    def crop(self, bbox: np.ndarray) -> 'WindowMasks':
        """See :meth:`BitmapMasks.crop`."""
        limit = [self.width, self.height, self.width, self.height]
        x0, y0, x1, y1 = np.clip(bbox, 0, limit)
        return self._move((max(y1 - y0, 1), max(x1 - x0, 1)), -x0, -y0)

    def pad(self,
            out_shape: Tuple[int, int],
            pad_val: int = 0) -> 'WindowMasks':
        """See :meth:`BitmapMasks.pad`. ``pad_val`` must be 0."""
        _check_background(pad_val)
        return self._move(out_shape, 0, 0)

    def expand(self, expanded_h: int, expanded_w: int, top: int,
               left: int) -> 'WindowMasks':
        """See :meth:`BitmapMasks.expand`."""
        return self._move((expanded_h, expanded_w), left, top)

    def translate(self,
                  out_shape: Tuple[int, int],
                  offset: Offset,
                  direction: str = 'horizontal',
                  border_value: int = 0,
                  interpolation: str = 'bilinear') -> 'WindowMasks':
        """See :meth:`BitmapMasks.translate`. ``border_value`` must be 0.

        Masks move by whole pixels. Parts that are outside ``out_shape`` before
        the move and inside it afterwards are kept.
        """
        _check_background(border_value)
        assert direction in ('horizontal', 'vertical', 'both')
        right, down = dict(
            horizontal=(offset, 0), vertical=(0, offset),
            both=offset)[direction]
        return self._move(out_shape, round(right), round(down))

    def _move(self, out_shape: Tuple[int, int], right: int,
              down: int) -> 'WindowMasks':
        """Shift the masks, then cut them to an image of a new shape."""
        shifted = self.windows + np.array([right, down, right, down])
        height, width = (int(side) for side in out_shape)
        windows = np.clip(shifted, 0, [width, height, width, height])
        inside = windows - np.tile(shifted[:, :2], 2)
        parts = [
            part[y0:y1, x0:x1]
            for part, (x0, y0, x1, y1) in zip(self.parts, inside)
        ]
        return WindowMasks(parts, windows, self.weights, height, width)

    def shear(self,
              out_shape: Tuple[int, int],
              magnitude: float,
              direction: str = 'horizontal',
              border_value: int = 0,
              interpolation: str = 'bilinear') -> 'WindowMasks':
        """See :meth:`BitmapMasks.shear`. ``border_value`` must be 0."""
        _check_background(border_value)
        return self._warp(
            lambda bitmaps: bitmaps.shear(out_shape, magnitude, direction, 0,
                                          interpolation), out_shape)

    def rotate(self,
               out_shape: Tuple[int, int],
               angle: float,
               center: Optional[Tuple[float, float]] = None,
               scale: float = 1.0,
               border_value: int = 0,
               interpolation: str = 'bilinear') -> 'WindowMasks':
        """See :meth:`BitmapMasks.rotate`. ``border_value`` must be 0."""
        _check_background(border_value)
        return self._warp(
            lambda bitmaps: bitmaps.rotate(out_shape, angle, center, scale, 0,
                                           interpolation), out_shape)

    def _warp(self, warp: Callable[[BitmapMasks], BitmapMasks],
              out_shape: Tuple[int, int]) -> 'WindowMasks':
        """Warp each mask together with its window, as full-size bitmaps.

        One instance at a time, to limit the memory.
        """
        parts, windows = [], []
        for mask, (x0, y0, x1, y1) in zip(self, self.windows):
            filled = np.zeros_like(mask)
            filled[y0:y1, x0:x1] = 1
            mask, filled = warp(BitmapMasks([mask, filled], *mask.shape)).masks
            x0, y0, x1, y1 = window = tight_box(filled)
            parts.append(mask[y0:y1, x0:x1])
            windows.append(window)
        return WindowMasks(parts, windows, self.weights, *out_shape)

    def crop_and_resize(self,
                        bboxes: Union[np.ndarray, Tensor],
                        out_shape: Tuple[int, int],
                        inds: Union[np.ndarray, Tensor],
                        device: Union[str, torch.device] = 'cpu',
                        interpolation: str = 'bilinear',
                        binarize: bool = True) -> BitmapMasks:
        """See :meth:`BitmapMasks.crop_and_resize`.

        Each instance is sampled for all of its boxes at once; stock bitmaps
        are copied in full size for every box.
        """
        bboxes = torch.as_tensor(bboxes, device=device)
        inds = np.asarray(torch.as_tensor(inds).cpu())
        targets = bboxes.new_zeros((len(bboxes), *out_shape))
        for ind in np.unique(inds):
            window, corner = self._with_margin(ind)
            chosen = torch.as_tensor(np.flatnonzero(inds == ind)).to(device)
            rois = bboxes[chosen] - bboxes.new_tensor(np.tile(corner, 2))
            targets[chosen] = roi_align(
                torch.as_tensor(window).to(targets)[None, None],
                torch.cat([rois.new_zeros((len(rois), 1)), rois], dim=1),
                out_shape, 1.0, 0, 'avg', True).squeeze(1)
        if binarize:
            targets = targets >= 0.5
        return BitmapMasks(targets.cpu().numpy(), *out_shape)

    def _with_margin(self, ind: int) -> Tuple[np.ndarray, np.ndarray]:
        """Pad a mask with a pixel of background where the image has room, so
        that its edge is sampled as in the image.

        Returns the padded mask and its top left corner, xy.
        """
        limit = [self.width, self.height, self.width, self.height]
        window = self.windows[ind]
        room = np.abs(np.clip(window + [-1, -1, 1, 1], 0, limit) - window)
        left, top, right, bottom = room
        padded = np.pad(self.parts[ind], ((top, bottom), (left, right)))
        return padded, window[:2] - room[:2]

    def to_ndarray(self) -> np.ndarray:
        """Bitmaps of all masks, uint8, has shape (n, H, W)."""
        return np.array(
            list(self),
            dtype=np.uint8).reshape(len(self), self.height, self.width)

    def to_tensor(self, dtype: torch.dtype,
                  device: Union[str, torch.device]) -> Tensor:
        """Bitmaps of all masks on a device, has shape (n, H, W)."""
        masks = torch.zeros((len(self), self.height, self.width),
                            dtype=dtype,
                            device=device)
        for mask, part, (x0, y0, x1, y1) in zip(masks, self.parts,
                                                self.windows):
            part = torch.from_numpy(np.ascontiguousarray(part))
            mask[y0:y1, x0:x1] = part.to(device)
        return masks

    @classmethod
    def cat(cls, masks: Sequence['WindowMasks']) -> 'WindowMasks':
        """Concatenate the instances of images of equal size.

        Raises:
            InputError: The list is empty, or not of WindowMasks of one size.
        """
        kinds = {(type(mask).__name__, mask.height, mask.width)
                 for mask in masks}
        if len(kinds) != 1 or not isinstance(masks[0], cls):
            raise InputError('cannot concatenate masks of these classes and '
                             f'sizes: {sorted(kinds)}')
        return cls([part for mask in masks for part in mask.parts],
                   np.concatenate([mask.windows for mask in masks]),
                   np.concatenate([mask.weights for mask in masks]),
                   masks[0].height, masks[0].width)


def _nearest_pixels(size: int, new_size: int) -> np.ndarray:
    """Old position, in [0, size), that OpenCV's nearest interpolation takes
    for each new one; not decreasing, has shape (new_size, )."""
    step = 1 / (new_size / size)
    return np.floor(np.arange(new_size) * step).astype(int).clip(0, size - 1)


def _check_background(value: int) -> None:
    if value != 0:
        raise InputError('masks are padded with background, 0, not with '
                         f'{value}: set `pad_val` or `border_value` of masks '
                         'to 0')
