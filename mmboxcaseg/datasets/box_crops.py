import os.path as osp
from typing import List, Sequence

from mmengine.dataset import BaseDataset

from mmboxcaseg.registry import DATASETS
from .coco_boxes import CocoBoxes


@DATASETS.register_module()
class BoxCropDataset(BaseDataset):
    """The boxes of a COCO file, for training and running the labeller.

    One item is one box (``per_image=False``, for training) or one image with
    all its boxes (``per_image=True``, for evaluation and labelling). Both
    have the same form: a list ``instances`` of dicts with ``bbox`` (xyxy,
    pixels), ``bbox_label``, ``ann_id``, ``area`` (of the box, pixels) and
    ``segmentation`` where the file has one.

    Args:
        ann_file (str): COCO JSON file; it needs no masks.
        data_prefix (dict): ``img`` is the folder of the images.
        per_image (bool): Whether one item is one image. Defaults to False.
        skip_img_ids (Sequence[int]): Images to leave out, because they are
            labelled already. Defaults to ().
        kwargs: Arguments of :class:`mmengine.dataset.BaseDataset`.

    Raises:
        FileNotFoundError: The file or an image does not exist.
        ValueError: The file is broken, see :class:`CocoBoxes`.
    """

    def __init__(self,
                 *args,
                 data_prefix: dict = dict(img=''),
                 per_image: bool = False,
                 skip_img_ids: Sequence[int] = (),
                 **kwargs) -> None:
        self.per_image = per_image
        self.skip_img_ids = set(skip_img_ids)
        super().__init__(*args, data_prefix=data_prefix, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Read the COCO file.

        Returns:
            list[dict]: The items, in order of image and annotation ids.
        """
        coco = CocoBoxes(self.ann_file, self.data_prefix['img'],
                         self._metainfo.get('classes'))
        self._metainfo['classes'] = coco.classes
        items = []
        for img_id, anns in coco.annotations.items():
            if img_id in self.skip_img_ids:
                continue
            instances = [self._instance(ann, coco.cat2label) for ann in anns]
            groups = [instances] if self.per_image else [[i]
                                                         for i in instances]
            img = coco.images[img_id]
            items.extend(
                dict(
                    img_path=osp.join(self.data_prefix['img'],
                                      img['file_name']),
                    img_id=img_id,
                    height=img['height'],
                    width=img['width'],
                    instances=group) for group in groups)
        # MMEngine cannot serialise an empty list (all images are skipped).
        self.serialize_data = self.serialize_data and bool(items)
        return items

    @staticmethod
    def _instance(ann: dict, cat2label: dict) -> dict:
        x, y, w, h = ann['bbox']
        instance = dict(
            bbox=[x, y, x + w, y + h],
            bbox_label=cat2label[ann['category_id']],
            ann_id=ann['id'],
            area=w * h)
        if ann.get('segmentation'):
            instance['segmentation'] = ann['segmentation']
        return instance
