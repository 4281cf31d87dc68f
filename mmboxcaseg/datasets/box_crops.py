import os.path as osp
from typing import List, Optional

import numpy as np
import torch
from mmdet.structures.bbox import bbox_overlaps
from mmengine.logging import print_log

from mmboxcaseg import InputError
from mmboxcaseg.registry import DATASETS
from mmboxcaseg.structures import xywh_to_xyxy
from .base_dataset import CropDataset
from .coco import box_area


def overlapping_boxes(boxes: np.ndarray, groups: np.ndarray,
                      iou: float) -> np.ndarray:
    """Find the boxes that overlap another box of their group.

    Args:
        boxes (np.ndarray): xyxy in pixels, has shape (n, 4).
        groups (np.ndarray): Group of each box (its image), has shape (n, ).
        iou (float): Boxes overlap if their IoU is above it, in [0, 1].

    Returns:
        np.ndarray: Boolean, has shape (n, ).
    """
    found = np.zeros(len(boxes), dtype=bool)
    order = np.argsort(groups, kind='stable')
    _, starts, sizes = np.unique(
        groups[order], return_index=True, return_counts=True)
    # All groups of one size at once, in pieces that limit the memory.
    for size in np.setdiff1d(sizes, [1]):
        members = order[starts[sizes == size][:, None] + np.arange(size)]
        num_pieces = len(members) * size**2 // 2**22 + 1
        for piece in np.array_split(members, num_pieces):
            coords = torch.from_numpy(boxes[piece])
            ious = bbox_overlaps(coords, coords)
            ious.diagonal(dim1=1, dim2=2).zero_()
            found[piece] = (ious > iou).any(dim=2).numpy()
    return found


@DATASETS.register_module()
class BoxCropDataset(CropDataset):
    """The boxes of a COCO file, for training and running the labeller.

    One item is one box (``per_image=False``, for training) or one image with
    all its boxes (``per_image=True``, for evaluation and labelling). Both
    have ``instances``, dicts of ``bbox`` (xyxy, pixels), ``bbox_label``,
    ``ann_id``, ``area`` (of the box) and, if in the file, ``segmentation``.

    Args:
        ann_file (str): COCO JSON file; it needs no masks.
        data_prefix (dict): ``img`` is the folder of the images.
        per_image (bool): Whether one item is one image. Defaults to False.
        overlap_iou (float, optional): Boxes whose IoU with another box of
            their image is above it are marked in ``overlapping``, for
            :class:`MultiSourceSampler`. The authors use 0.5 on COCO.
        kwargs: Arguments of :class:`CropDataset`, such as ``crop_size``.

    Raises:
        FileNotFoundError: The file or an image does not exist.
        InputError: The file is broken, see :class:`CocoBoxes`, or
            ``overlap_iou`` is out of range or given for whole images.
    """

    _overlapping: Optional[np.ndarray] = None

    def __init__(self,
                 *args,
                 per_image: bool = False,
                 overlap_iou: Optional[float] = None,
                 **kwargs) -> None:
        self.per_image = per_image
        self.overlap_iou = overlap_iou
        if overlap_iou is not None and (per_image or not 0 <= overlap_iou < 1):
            raise InputError(f'overlap_iou={overlap_iou} must be in [0, 1) '
                             'and is for single boxes (per_image=False).')
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Read and check the file.

        Returns:
            list[dict]: Items with ``img_path``, ``img_id``, ``height``,
            ``width`` and ``instances``, by image id, then annotation id.
        """
        coco = self.read_boxes()
        # With pop() below, this frees each annotation once it is an item.
        del coco.data
        items = []
        for img_id in list(coco.annotations):
            anns = coco.annotations.pop(img_id)
            boxes = xywh_to_xyxy([ann['bbox'] for ann in anns]).tolist()
            instances = [
                self._instance(ann, box, coco.cat2label)
                for ann, box in zip(anns, boxes)
            ]
            img = coco.images[img_id]
            path = osp.join(self.data_prefix['img'], img['file_name'])
            item = dict(img_path=path, img_id=img_id)
            item.update(height=img['height'], width=img['width'])
            groups = [instances] if self.per_image else zip(instances)
            items += [dict(item, instances=list(group)) for group in groups]
        if self.overlap_iou is not None:
            self._mark_overlapping(items)
        return items

    def _mark_overlapping(self, items: List[dict]) -> None:
        self._overlapping = overlapping_boxes(
            np.array([item['instances'][0]['bbox'] for item in items]),
            np.array([item['img_id'] for item in items]), self.overlap_iou)
        print_log(
            f'{self.ann_file}: {self._overlapping.sum()} of {len(items)} '
            f'boxes overlap another one (IoU > {self.overlap_iou})', 'current')

    @property
    def overlapping(self) -> Optional[np.ndarray]:
        """np.ndarray, optional: Which of the n boxes overlap another one.

        Boolean, has shape (n, ), in the order of the items, also of a subset.
        None without ``overlap_iou``.
        """
        marks, indices = self._overlapping, self._indices
        if marks is None or indices is None:
            return marks
        if isinstance(indices, int):
            return marks[:indices] if indices >= 0 else marks[indices:]
        return marks[list(indices)]

    @staticmethod
    def _instance(ann: dict, box: List[float], cat2label: dict) -> dict:
        instance = dict(
            bbox=box,
            bbox_label=cat2label[ann['category_id']],
            ann_id=ann['id'],
            area=box_area(ann))
        if ann.get('segmentation'):
            instance['segmentation'] = ann['segmentation']
        return instance
