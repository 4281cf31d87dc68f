"""Crops for the labeller.

Letters in shapes: n boxes of an item (1 in training), m crops of a box (1 in
training), S side of a crop.
"""
from typing import Optional, Sequence, Tuple

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmboxcaseg import InputError
from mmboxcaseg.registry import TRANSFORMS
from mmboxcaseg.structures import jitter_box, pixel_boxes, tight_box
from .fading_resize import resize_fading


def crop_side(size: Optional[int], results: dict) -> int:
    """The side of the crops of an item.

    Args:
        size (int, optional): Side that the transform was given, in pixels.
        results (dict): The item, with the ``crop_size`` of its data set.

    Returns:
        int: The transform's own size, or else that of the data set.

    Raises:
        InputError: Neither is set.
    """
    side = size or results.get('crop_size')
    if not side:
        raise InputError('the size of the crops is not set: set `crop_size` '
                         'of the data set, in pixels.')
    return side


@TRANSFORMS.register_module()
class CropBoxes(BaseTransform):
    """Cut a square crop for every box, regardless of its aspect ratio.

    Required Keys: ``img``, ``img_path``, ``height``, ``width``,
    ``instances``.

    Added Keys: ``crops`` (n * m, S, S, 3) uint8; ``windows`` (n, 4), the
    pixel boxes; ``views`` (n, m, 4), what the crops show, if that is not the
    windows; ``gt_bboxes`` (n, 4) float32, the true boxes in pixels of their
    first crops.

    Args:
        size (int, optional): Side S of a crop in pixels. Defaults to
            ``crop_size`` of the data set.
        shift (tuple[float]): Range of the relative shift of the box, drawn
            for x and y (section 3.2.2). Defaults to (0, 0).
        scale (tuple[float]): Range of the factor of width and height.
            Defaults to (1, 1): the crop is the box.
        flip_prob (float): Probability of a horizontal flip. Defaults to 0:
            the paper flips no box crops.
        centred (bool): Whether the centre is shifted, see
            :func:`jitter_box`. Defaults to False.
        truncate (bool): Whether boxes lose their fractions, see
            :func:`pixel_boxes`. Defaults to False.
        margins (Sequence[float]): Each gives a box one crop, that shows so
            much more on every side, in widths and heights of the box: for
            labelling, which averages them. Defaults to (0, ).
        zero_padding (bool): Whether to resize crops as the authors' code
            does, see :func:`resize_fading`; crops are then float32. Defaults
            to False.

    Raises:
        InputError: The size of the image file is not that of the JSON.
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
        self.margins = np.array(margins, dtype=np.float64)
        self.zero_padding = zero_padding

    def transform(self, results: dict) -> dict:
        """Cut the crops.

        Args:
            results (dict): Item of :class:`BoxCropDataset` with its image.

        Returns:
            dict: The item with ``crops``, ``windows`` and ``gt_bboxes``.
        """
        img = results['img']
        shape = (results['height'], results['width'])
        size = crop_side(self.size, results)
        if img.shape[:2] != shape:
            raise InputError(
                f'{results["img_path"]} is {img.shape[1]}x{img.shape[0]} '
                f'pixels, its annotation file says {shape[1]}x{shape[0]}: '
                'correct `width` and `height` there.')
        boxes = np.array([ins['bbox'] for ins in results['instances']],
                         dtype=np.float64)
        jittered = np.stack([self._jitter(box) for box in boxes])
        windows = pixel_boxes(jittered, *shape, self.truncate)
        # A box that sticks out of its image may leave it altogether.
        lost = (windows[:, :2] >= windows[:, 2:]).any(axis=1)
        windows[lost] = pixel_boxes(boxes[lost], *shape)
        views = windows[:, None]
        if self.margins.any() or len(self.margins) > 1:
            views = results['views'] = self._views(jittered, shape)
        results['crops'] = np.stack([
            self._resize(img[y0:y1, x0:x1], size)
            for x0, y0, x1, y1 in views.reshape(-1, 4)
        ])
        first = views[:, 0]
        corner, extent = first[:, :2], first[:, 2:] - first[:, :2]
        results['windows'] = windows
        results['gt_bboxes'] = np.float32(
            (boxes - np.tile(corner, 2)) * size / np.tile(extent, 2))
        if np.random.rand() < self.flip_prob:
            self._flip(results, size)
        return results

    def _resize(self, crop: np.ndarray, size: int) -> np.ndarray:
        if self.zero_padding:
            return resize_fading(crop, size)
        return cv2.resize(crop, (size, size))

    def _jitter(self, box: np.ndarray) -> np.ndarray:
        if tuple(self.shift) == (0, 0) and tuple(self.scale) == (1, 1):
            return box
        return jitter_box(box, np.random.uniform(*self.shift, 2),
                          np.random.uniform(*self.scale, 2), self.centred)

    def _views(self, boxes: np.ndarray, shape: Tuple[int, int]) -> np.ndarray:
        """Pixel boxes (n, m, 4) of boxes (n, 4) with all margins."""
        extent = np.tile(boxes[:, 2:] - boxes[:, :2], 2) * [-1, -1, 1, 1]
        views = boxes[:, None] + self.margins[:, None] * extent[:, None]
        return pixel_boxes(views, *shape, self.truncate).reshape(views.shape)

    @staticmethod
    def _flip(results: dict, size: int) -> None:
        results['crops'] = results['crops'][:, :, ::-1]
        boxes = results['gt_bboxes']
        boxes[:, [0, 2]] = size - boxes[:, [2, 0]]

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}(size={self.size}, '
                f'shift={self.shift}, scale={self.scale}, '
                f'flip_prob={self.flip_prob}, centred={self.centred}, '
                f'truncate={self.truncate}, margins={self.margins.tolist()}, '
                f'zero_padding={self.zero_padding})')


@TRANSFORMS.register_module()
class CropSalientObject(BaseTransform):
    """Cut a salient image as :class:`CropBoxes` cuts a box in training.

    The object then fills its crop as the objects of boxes fill theirs. The
    paper shows the whole salient image instead (section 3.2.2).

    Required Keys: ``img``, ``gt_seg_map`` (foreground brighter than 127).

    Modified Keys: both, to the shape (S, S, 3) and (S, S).

    Args:
        size (int, optional): Side S of a crop in pixels. Defaults to
            ``crop_size`` of the data set.
        shift (tuple[float]): See :class:`CropBoxes`.
        scale (tuple[float]): See :class:`CropBoxes`.
    """

    def __init__(
        self,
        size: Optional[int] = None,
        shift: Tuple[float, float] = (-0.25, 0.25),
        scale: Tuple[float, float] = (0.5, 1.5)
    ) -> None:
        self.size = size
        self.shift = shift
        self.scale = scale

    def transform(self, results: dict) -> dict:
        """Cut the crop.

        Args:
            results (dict): Item of :class:`SalientDataset` with its image
                and mask.

        Returns:
            dict: The item; the whole image where the mask is empty.
        """
        img, seg_map = results['img'], results['gt_seg_map']
        height, width = img.shape[:2]
        box = np.array(tight_box(seg_map > 127), dtype=np.float64)
        if not box.any():
            box[2:] = width, height
        jittered = jitter_box(box, np.random.uniform(*self.shift, 2),
                              np.random.uniform(*self.scale, 2))
        x0, y0, x1, y1 = pixel_boxes(jittered, height, width)[0]
        size = (crop_side(self.size, results), ) * 2
        results['img'] = cv2.resize(img[y0:y1, x0:x1], size)
        results['gt_seg_map'] = cv2.resize(
            seg_map[y0:y1, x0:x1], size, interpolation=cv2.INTER_NEAREST)
        return results

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}(size={self.size}, '
                f'shift={self.shift}, scale={self.scale})')


@TRANSFORMS.register_module()
class PackCrops(BaseTransform):
    """Pack box crops, or one salient crop with its mask, for the labeller.

    What a sample may supervise is in its data sample: ``gt_instances`` has
    ``bboxes`` (n, 4) always, in pixels of the crop, and ``masks``
    (n, S, S) only where the true mask is known and may be learnt. Items of
    :class:`BoxCropDataset` also carry the arrays ``windows`` (n, 4),
    ``labels``, ``ann_ids``, ``areas``, each (n, ), and, for evaluation only,
    ``segmentations`` (list of n COCO segmentations).

    Required Keys: ``crops``, ``windows``, ``gt_bboxes``, ``instances``; or
    ``img``, ``gt_seg_map`` and ``seg_map_path``.

    Args:
        meta_keys (Sequence[str]): Keys to keep as meta information.

    Raises:
        InputError: A salient mask has colours, or is written as 0 and 1; or
            the crops have another size than the data set asks for.
    """

    def __init__(
        self, meta_keys: Sequence[str] = ('img_id', 'img_path', 'ori_shape')
    ) -> None:
        self.meta_keys = meta_keys

    def transform(self, results: dict) -> dict:
        """Pack one item.

        Args:
            results (dict): Item with its crops.

        Returns:
            dict: ``inputs`` (n, 3, S, S) uint8 and ``data_samples``.
        """
        if 'crops' in results:
            crops, instances = results['crops'], self._pack_boxes(results)
        else:
            crops = results['img'][None]
            instances = self._pack_salient(results)
        wanted = results.get('crop_size')
        if wanted and crops.shape[1:3] != (wanted, wanted):
            raise InputError(
                f'crop_size of the data set is {wanted}, but its crops have '
                f'{crops.shape[2]}x{crops.shape[1]} pixels: remove `size` '
                'from the transforms of its pipeline.')
        data_sample = DetDataSample(gt_instances=instances)
        data_sample.set_metainfo(
            {key: results[key]
             for key in self.meta_keys if key in results})
        crops = np.ascontiguousarray(crops.transpose(0, 3, 1, 2))
        return dict(inputs=torch.from_numpy(crops), data_samples=data_sample)

    @staticmethod
    def _pack_boxes(results: dict) -> InstanceData:
        instances = results['instances']

        def column(key: str, dtype: type) -> np.ndarray:
            return np.array([ins[key] for ins in instances], dtype=dtype)

        # Arrays where the network needs no tensor: between processes every
        # tensor is a file of its own, an array is not.
        packed = InstanceData(
            bboxes=torch.from_numpy(results['gt_bboxes']),
            windows=results['windows'],
            labels=column('bbox_label', np.int64),
            ann_ids=column('ann_id', np.int64),
            areas=column('area', np.float64))
        if 'views' in results:
            packed.views = results['views']
        if all('segmentation' in ins for ins in instances):
            packed.segmentations = [ins['segmentation'] for ins in instances]
        return packed

    @staticmethod
    def _pack_salient(results: dict) -> InstanceData:
        seg_map = results['gt_seg_map']
        mask = seg_map > 127
        if seg_map.ndim != 2 or seg_map.max() == 1:
            raise InputError(
                f'{results["seg_map_path"]} must be a grey image whose '
                'foreground is brighter than 127; its shape is '
                f'{seg_map.shape}, its brightest value {seg_map.max()}. Write '
                'the mask as 0 and 255.')
        return InstanceData(
            bboxes=torch.tensor([tight_box(mask)], dtype=torch.float32),
            masks=torch.from_numpy(mask[None]))

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(meta_keys={self.meta_keys})'
