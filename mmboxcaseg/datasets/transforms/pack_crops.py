from typing import Sequence

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmboxcaseg import InputError
from mmboxcaseg.registry import TRANSFORMS
from mmboxcaseg.structures import tight_box
from .crops import CropTransform


def box_maps(boxes: np.ndarray, size: int) -> np.ndarray:
    """Draw boxes in crops. A pixel is inside a box if its centre is.

    Args:
        boxes (np.ndarray): Boxes in pixels of their crops, xyxy, half-open,
            has shape (n, 4). They may extend beyond the crops.
        size (int): Side S of the crops in pixels.

    Returns:
        np.ndarray: 255 inside the box, 0 outside, uint8, (n, 1, S, S).
    """
    x0, y0, x1, y1 = np.asarray(boxes).T[..., None]
    centres = np.arange(size) + 0.5
    rows = (y0 <= centres) & (centres < y1)
    cols = (x0 <= centres) & (centres < x1)
    return np.uint8(255) * (rows[:, None, :, None] & cols[:, None, None])


@TRANSFORMS.register_module()
class PackCrops(CropTransform):
    """Pack box crops, or one salient crop with its mask, for the labeller.

    ``gt_instances`` of the data sample has the array ``bboxes`` (n, 4),
    float32, in pixels of the crop, and for salient images the tensors
    ``masks`` (n, S, S), the only masks that training may use, and
    ``mask_weights`` (n, ) if the item has a weight. Items of
    :class:`BoxCropDataset` also have the arrays ``windows`` (n, 4),
    ``labels``, ``ann_ids`` and ``areas``, each (n, ), and, for evaluation
    only, ``segmentations`` (list of n COCO segmentations).

    Required Keys: ``crops``, ``windows``, ``gt_bboxes``, ``shown_bboxes``,
    ``instances``; or ``img``, ``gt_seg_map`` and ``seg_map_path``.

    Args:
        meta_keys (Sequence[str]): Keys to keep as meta information.
        box_map (bool): Whether crops get a fourth channel that shows their
            box, for :class:`BoxPrompt`: 255 inside the box, 0 outside. The
            box of a salient crop is the tight box of its mask. Defaults to
            False.

    Raises:
        InputError: A salient mask has colours, or is written as 0 and 1; or
            the crops have another size than the data set asks for.
    """

    def __init__(self,
                 meta_keys: Sequence[str] = ('img_id', 'img_path',
                                             'ori_shape'),
                 box_map: bool = False) -> None:
        self.meta_keys = meta_keys
        self.box_map = box_map

    def transform(self, results: dict) -> dict:
        """Pack an item.

        Args:
            results (dict): The item, with the required keys.

        Returns:
            dict: ``inputs``, a tensor of shape (n * m, 3, S, S), with
            ``box_map`` (n * m, 4, S, S), uint8 or float32, and
            ``data_samples``, one DetDataSample.

        Raises:
            InputError: See the class.
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
        meta = {key: results[key] for key in self.meta_keys if key in results}
        data_sample = DetDataSample(metainfo=meta, gt_instances=instances)
        crops = crops.transpose(0, 3, 1, 2)
        if self.box_map:
            shown = results.get('shown_bboxes', instances.get('bboxes'))
            boxes = np.asarray(shown).reshape(-1, 4)
            maps = box_maps(boxes, crops.shape[2])
            crops = np.concatenate([crops, maps.astype(crops.dtype)], axis=1)
        crops = np.ascontiguousarray(crops)
        return dict(inputs=torch.from_numpy(crops), data_samples=data_sample)

    @staticmethod
    def _pack_boxes(results: dict) -> InstanceData:
        instances = results['instances']

        def column(key: str, dtype: type) -> np.ndarray:
            return np.array([ins[key] for ins in instances], dtype=dtype)

        # Arrays, not tensors: each tensor that a worker sends takes its own
        # shared-memory file, and half a millisecond.
        packed = InstanceData(
            bboxes=results['gt_bboxes'],
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
        # A mask of 0 and 1 would be treated as empty.
        if seg_map.ndim != 2 or seg_map.max() == 1:
            raise InputError(
                f'{results["seg_map_path"]} must be a grey image whose '
                'foreground is brighter than 127; its shape is '
                f'{seg_map.shape}, its maximum {seg_map.max()}. Write the '
                'mask as 0 and 255.')
        packed = InstanceData(
            bboxes=np.array([tight_box(mask)], dtype=np.float32),
            masks=torch.from_numpy(mask[None]))
        if 'mask_weight' in results:
            packed.mask_weights = torch.tensor([results['mask_weight']])
        return packed
