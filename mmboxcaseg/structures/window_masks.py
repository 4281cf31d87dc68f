"""Ground-truth masks with weights, which say how reliable each mask is.

Letters in shapes: n instances; H, W image size; (h, w) size of one window.
"""
from inspect import signature
from typing import Callable, Iterator, List, Sequence, Tuple, Union

import mmcv
import numpy as np
import torch
from mmcv.ops import roi_align
from mmdet.structures.bbox import BaseBoxes, get_box_type
from mmdet.structures.mask import BitmapMasks
from torch import Tensor

from mmboxcaseg import InputError
from .boxes import tight_box

Device = Union[str, torch.device]
Index = Union[int, slice, np.ndarray, Tensor]
Offset = Union[float, Tuple[float, float]]
Shape = Tuple[int, int]


class WindowMasks(BitmapMasks):
    """Masks of an image's instances, each in its window and with a weight.

    It replaces :class:`BitmapMasks` in a training pipeline and gives the same
    values. Only the windows are stored: 300 objects in an image of 12
    megapixels take a few megabytes instead of 3.6 GB. The weights are stored
    with the masks, so every transform that selects masks selects them, too.

    A mask with weight below 1 never changes or removes its box: its area and
    its tight box (:attr:`areas`, :meth:`get_bboxes`) are computed from the
    whole window.

    Args:
        parts (Sequence[np.ndarray]): n binary masks, each of shape (h, w).
        windows (np.ndarray): Integer windows, xyxy and half-open, has shape
            (n, 4).
        weights (np.ndarray): Weight of each mask in a loss, in [0, 1], has
            shape (n, ).
        height (int): Image height H.
        width (int): Image width W.
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
        """Not supported (TypeError): changes to a copy would be lost."""
        raise TypeError(
            'A transform of the pipeline (RandomErasing, CopyPaste, Albu, '
            '...) accesses `gt_masks.masks` and would lose the mask weights. '
            'Remove it, or use mmboxcaseg.ProxyCopyPaste for CopyPaste.')

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: Index) -> 'WindowMasks':
        """Select instances by position, positions or booleans (n, )."""
        index = np.atleast_1d(np.arange(len(self))[index])
        return WindowMasks([self.parts[i] for i in index], self.windows[index],
                           self.weights[index], self.height, self.width)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield full-size masks, one at a time, each has shape (H, W)."""
        for part, (x0, y0, x1, y1) in zip(self.parts, self.windows):
            mask = np.zeros((self.height, self.width), dtype=np.uint8)
            mask[y0:y1, x0:x1] = part
            yield mask

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(num_masks={len(self)}, '
                f'height={self.height}, width={self.width})')

    @property
    def extents(self) -> List[np.ndarray]:
        """list[np.ndarray]: Masks with weight 1, else full windows (h, w)."""
        return [
            part if weight == 1 else np.ones_like(part)
            for part, weight in zip(self.parts, self.weights)
        ]

    @property
    def areas(self) -> np.ndarray:
        """np.ndarray: Pixels of every extent, has shape (n, )."""
        return np.array([extent.sum() for extent in self.extents], dtype=int)

    def get_bboxes(self, dst_type: str = 'hbox') -> BaseBoxes:
        """Get the tight boxes of the extents, in pixels, shape (n, 4)."""
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
               out_shape: Shape,
               interpolation: str = 'nearest') -> 'WindowMasks':
        """See :meth:`BitmapMasks.resize`; refuses other interpolations."""
        if interpolation != 'nearest':
            raise InputError("masks are resized with interpolation='nearest', "
                             f'not {interpolation!r}')
        rows = _nearest_pixels(self.height, out_shape[0])
        cols = _nearest_pixels(self.width, out_shape[1])
        # A new window contains the new pixels that come from the old window.
        x0, x1 = np.searchsorted(cols, self.windows[:, 0::2].T)
        y0, y1 = np.searchsorted(rows, self.windows[:, 1::2].T)
        windows = np.stack([x0, y0, x1, y1], axis=1)
        moved = zip(self.parts, self.windows[:, :2], windows)
        parts = [
            part[rows[y0:y1, None] - top, cols[x0:x1] - left]
            for part, (left, top), (x0, y0, x1, y1) in moved
        ]
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
        x0, y0, x1, y1 = np.clip(bbox, 0, [self.width, self.height] * 2)
        # At least one pixel, like the stock method.
        return self._move((max(y1 - y0, 1), max(x1 - x0, 1)), -x0, -y0)

    def pad(self, out_shape: Shape, pad_val: int = 0) -> 'WindowMasks':
        """See :meth:`BitmapMasks.pad`; refuses a ``pad_val`` other than 0."""
        _check_background(pad_val)
        return self._move(out_shape, 0, 0)

    def expand(self, expanded_h: int, expanded_w: int, top: int,
               left: int) -> 'WindowMasks':
        """See :meth:`BitmapMasks.expand`."""
        return self._move((expanded_h, expanded_w), left, top)

    def translate(self,
                  out_shape: Shape,
                  offset: Offset,
                  direction: str = 'horizontal',
                  border_value: int = 0,
                  interpolation: str = 'bilinear') -> 'WindowMasks':
        """See :meth:`BitmapMasks.translate`; refuses another border than 0.

        It moves by whole pixels, and keeps what is outside ``out_shape``
        before the move but inside it after the move.
        """
        _check_background(border_value)
        assert direction in ('horizontal', 'vertical', 'both')
        right, down = dict(
            horizontal=(offset, 0), vertical=(0, offset),
            both=offset)[direction]
        return self._move(out_shape, round(right), round(down))

    def _move(self, out_shape: Shape, right: int, down: int) -> 'WindowMasks':
        """Shift the masks, and clip them to an image of a new shape."""
        shifted = self.windows + np.array([right, down, right, down])
        height, width = (int(side) for side in out_shape)
        windows = np.clip(shifted, 0, [width, height] * 2)
        inside = windows - np.tile(shifted[:, :2], 2)
        parts = [
            part[y0:y1, x0:x1]
            for part, (x0, y0, x1, y1) in zip(self.parts, inside)
        ]
        return WindowMasks(parts, windows, self.weights, height, width)

    def shear(self, *args, **kwargs) -> 'WindowMasks':
        """See :meth:`BitmapMasks.shear`; refuses another border than 0."""
        return self._warp(BitmapMasks.shear, *args, **kwargs)

    def rotate(self, *args, **kwargs) -> 'WindowMasks':
        """See :meth:`BitmapMasks.rotate`; refuses another border than 0."""
        return self._warp(BitmapMasks.rotate, *args, **kwargs)

    def _warp(self, warp: Callable, *args, **kwargs) -> 'WindowMasks':
        """Warp every mask and its window, one full-size bitmap at a time."""
        given = signature(warp).bind(self, *args, **kwargs).arguments
        _check_background(given.get('border_value', 0))
        parts, windows = [], []
        for mask, (x0, y0, x1, y1) in zip(self, self.windows):
            # The window is warped, too: it is the extent of masks with weight
            # below 1.
            filled = np.zeros_like(mask)
            filled[y0:y1, x0:x1] = 1
            both = BitmapMasks([mask, filled], *mask.shape)
            mask, filled = warp(both, *args, **kwargs).masks
            x0, y0, x1, y1 = window = tight_box(filled)
            parts.append(mask[y0:y1, x0:x1])
            windows.append(window)
        return WindowMasks(parts, windows, self.weights, *given['out_shape'])

    def crop_and_resize(self,
                        bboxes: Union[np.ndarray, Tensor],
                        out_shape: Shape,
                        inds: Union[np.ndarray, Tensor],
                        device: Device = 'cpu',
                        interpolation: str = 'bilinear',
                        binarize: bool = True) -> BitmapMasks:
        """See :meth:`BitmapMasks.crop_and_resize`.

        An instance is sampled for all of its boxes at once, while the stock
        method copies the full-size bitmap for every box.
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
        """Mask with a margin of one pixel inside the image, and its corner.

        With the margin, RoIAlign gives the same values at the edge as for the
        whole image.
        """
        window = self.windows[ind]
        limit = [self.width, self.height] * 2
        room = np.abs(np.clip(window + [-1, -1, 1, 1], 0, limit) - window)
        left, top, right, bottom = room
        padded = np.pad(self.parts[ind], ((top, bottom), (left, right)))
        return padded, window[:2] - room[:2]

    def to_ndarray(self) -> np.ndarray:
        """Decode all masks to bitmaps, uint8, of shape (n, H, W)."""
        # np.stack() would hold all masks twice.
        dtype = np.dtype((np.uint8, (self.height, self.width)))
        return np.fromiter(self, dtype, len(self))

    def to_tensor(self, dtype: torch.dtype, device: Device) -> Tensor:
        """Decode all masks to bitmaps of shape (n, H, W) on a device."""
        shape = (len(self), self.height, self.width)
        masks = torch.zeros(shape, dtype=dtype, device=device)
        for mask, part, (x0, y0, x1, y1) in zip(masks, self.parts,
                                                self.windows):
            # Only the windows are copied to the GPU.
            part = torch.from_numpy(np.ascontiguousarray(part))
            mask[y0:y1, x0:x1] = part.to(device)
        return masks

    @classmethod
    def cat(cls, masks: Sequence['WindowMasks']) -> 'WindowMasks':
        """Concatenate the instances of images of equal size.

        Args:
            masks (Sequence[WindowMasks]): The masks of each image.

        Returns:
            WindowMasks: The masks of all images, in their order.

        Raises:
            InputError: The masks differ in class or size, or there are none.
        """
        kinds = {(type(m).__name__, m.height, m.width) for m in masks}
        if len(kinds) != 1 or not isinstance(masks[0], cls):
            raise InputError('cannot concatenate masks of these classes and '
                             f'sizes: {sorted(kinds)}')
        return cls([part for mask in masks for part in mask.parts],
                   np.concatenate([mask.windows for mask in masks]),
                   np.concatenate([mask.weights for mask in masks]),
                   masks[0].height, masks[0].width)


def _nearest_pixels(size: int, new_size: int) -> np.ndarray:
    """Get the old pixel that OpenCV's nearest interpolation takes for each
    new pixel, in ascending order, has shape (new_size, )."""
    # Not size / new_size: OpenCV divides twice, with its rounding errors.
    step = 1 / (new_size / size)
    return np.floor(np.arange(new_size) * step).astype(int).clip(0, size - 1)


def _check_background(value: int) -> None:
    if value != 0:
        raise InputError(f'masks cannot be padded with {value}, only with '
                         'background: set their `pad_val` or `border_value` '
                         'to 0')
