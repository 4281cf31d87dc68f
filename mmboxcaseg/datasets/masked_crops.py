import os.path as osp
from collections import defaultdict
from typing import Dict, List, Optional, Sequence, Tuple

from mmcv.transforms import LoadAnnotations as MmcvLoadAnnotations
from mmdet.datasets.transforms import LoadAnnotations
from mmengine.logging import print_log
from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from mmboxcaseg.registry import DATASETS
from mmboxcaseg.structures import to_rle
from .base_dataset import CropDataset, is_step, loads_upright
from .coco import CocoBoxes, MaskFilter, check_segmentations, first_few


@DATASETS.register_module()
class MaskedCropDataset(CropDataset):
    """The objects of a COCO file that have masks, for the pixel losses.

    One item is one object. It is used like a salient image, together with
    salient images or instead of them. The file can contain a few hand-drawn
    masks or masks of other classes (the labeller is class-agnostic). It can
    also be a proxy file, whose best masks train a new labeller
    (self-training).

    Pipelines are those of :class:`SalientDataset`. Their ``LoadAnnotations``
    becomes :class:`LoadObjectMask`, because the masks are in the file.

    Args:
        ann_file (str): COCO JSON file or proxy file. Crowds, objects marked
            ``ignore``, without a mask, with an empty mask or with
            ``mask_weight`` 0 are left out; their numbers are printed.
        data_prefix (dict): ``img`` is the folder of the images.
        min_size (float): Objects whose box has a shorter side are left out,
            in pixels; also those whose mask is less than half as wide or
            high, a remnant. Defaults to ``MIN_SIZE``, 32.
        mask_filter (dict, optional): Arguments of :class:`MaskFilter`, for
            the masks of a proxy file: which of them are used, and their
            weights in the pixel losses. ``keep_share`` is a share of the
            objects that are not left out. Defaults to None: all, with their
            ``mask_weight`` or else 1.
        kwargs: Arguments of :class:`CropDataset`, such as ``crop_size``;
            ``metainfo=dict(classes=...)`` selects classes.

    Raises:
        FileNotFoundError: The file or an image does not exist.
        InputError: The file is broken, see :class:`CocoBoxes`, no object is
            left, a mask does not have the score of the filter, or an argument
            is out of range.
    """

    MIN_SIZE = 32

    def __init__(self,
                 *args,
                 min_size: float = MIN_SIZE,
                 mask_filter: Optional[dict] = None,
                 pipeline: Sequence = (),
                 **kwargs) -> None:
        # NaN is not 0 or more.
        if not isinstance(min_size, (int, float)) or not min_size >= 0:
            raise InputError(f'min_size={min_size!r} must be a number, the '
                             'shorter side of a box in pixels, 0 or more.')
        self.min_size = min_size
        # Without a filter the masks need no score.
        self.mask_filter = None
        if mask_filter is not None:
            self.mask_filter = MaskFilter.of_dataset(mask_filter)
        pipeline = [
            dict(type='mmboxcaseg.LoadObjectMask') if is_step(
                step, LoadAnnotations, MmcvLoadAnnotations) else step
            for step in pipeline
        ]
        super().__init__(*args, pipeline=pipeline, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Read, check and select the objects.

        Returns:
            list[dict]: Items with ``img_path``, ``img_id``, ``height``,
            ``width``, ``mask`` (RLE) and, where it is known, ``mask_weight``;
            by image id, then annotation id.

        Raises:
            FileNotFoundError, InputError: See the class.
        """
        coco = CocoBoxes(self.ann_file, self.data_prefix['img'],
                         self._metainfo.get('classes'),
                         loads_upright(self.pipeline), self.backend_args)
        boxes = [ann for anns in coco.annotations.values() for ann in anns]
        check_segmentations(boxes, coco.images, self.ann_file)
        kept, left_out = self.select(boxes, coco.images)
        for reason, ids in left_out.items():
            print_log(
                f'{self.ann_file}: {len(ids)} of {len(boxes)} objects left '
                f'out, {reason}: annotation {first_few(ids)}', 'current')
        return [self._item(ann, coco.images[ann['image_id']]) for ann in kept]

    def select(self, boxes: List[dict],
               images: Dict[int, dict]) -> Tuple[List[dict], Dict[str, list]]:
        """Select the objects for training.

        Args:
            boxes (list[dict]): Annotations without broken masks.
            images (dict[int, dict]): Images by id.

        Returns:
            tuple: The selected annotations, with masks as RLE and, with a
            filter, ``mask_weight``; and the ids of the others by reason.

        Raises:
            InputError: No object is left, or a mask does not have the score
                of the filter.
        """
        kept, left_out = [], defaultdict(list)
        for ann in boxes:
            img = images[ann['image_id']]
            rle = to_rle(ann.get('segmentation'), img['height'], img['width'])
            reason = self._fault(ann, rle)
            if reason:
                left_out[reason].append(ann['id'])
            else:
                kept.append(dict(ann, segmentation=rle))
        if not kept:
            counts = {key: len(left_out[key]) for key in sorted(left_out)}
            raise InputError(f'{self.ann_file}: no object is left for '
                             f'training; left out: {counts}. Use a file with '
                             'masks, or lower `min_size`.')
        if self.mask_filter:
            weights = self.mask_filter.weigh(kept, self.ann_file).tolist()
            if not any(weights):
                raise InputError(
                    f'{self.ann_file}: `mask_filter` ({self.mask_filter}) '
                    f'leaves no object. {self.mask_filter.remedy}')
            left_out[f'not kept by `mask_filter` ({self.mask_filter})'] = [
                ann['id'] for ann, weight in zip(kept, weights) if not weight
            ]
            kept = [
                dict(ann, mask_weight=weight)
                for ann, weight in zip(kept, weights) if weight
            ]
        return kept, {key: ids for key, ids in left_out.items() if ids}

    def _fault(self, ann: dict, rle: dict) -> Optional[str]:
        """Why an object is not used, whatever the filter says."""
        if not ann.get('segmentation'):
            return 'no mask'
        if not mask_utils.area(rle):
            return 'an empty mask'
        if ann.get('mask_weight') == 0:
            return '`mask_weight` 0'
        if min(ann['bbox'][2:]) < self.min_size:
            return f'a side under {self.min_size} px'
        # The crop shows the mask: a remnant of it would fill the crop.
        if min(mask_utils.toBbox(rle)[2:]) < self.min_size / 2:
            return f'a mask with a side under {self.min_size / 2:g} px'
        return None

    def _item(self, ann: dict, img: dict) -> dict:
        path = osp.join(self.data_prefix['img'], img['file_name'])
        item = dict(img_path=path, img_id=ann['image_id'])
        item.update(height=img['height'], width=img['width'])
        item['mask'] = ann['segmentation']
        if 'mask_weight' in ann:
            item['mask_weight'] = float(ann['mask_weight'])
        return item
