"""Reading the boxes of a COCO file, with every complaint made at once."""
import os.path as osp
from collections import Counter
from typing import Dict, List, Optional, Sequence

import numpy as np
from mmengine.fileio import exists, load
from mmengine.logging import print_log

from mmboxcaseg.structures import pixel_boxes


class CocoBoxes:
    """The checked content of a COCO file.

    Bad files raise an error before any work starts. Boxes that no detector
    could learn from are left out, and a count is printed: zero area, outside
    the image, crowds.

    Args:
        ann_file (str): COCO JSON file.
        img_prefix (str): Folder that ``file_name`` is relative to.
        classes (Sequence[str], optional): Names of the classes to use, in
            the order of their labels. Defaults to all of the file.

    Attributes:
        info (dict): ``info`` of the file, empty where it has none.
        classes (tuple[str]): Class names by label.
        cat2label (dict[int, int]): Category id to label.
        images (dict[int, dict]): Image record by image id.
        annotations (dict[int, list[dict]]): Usable annotations by image id,
            sorted by annotation id; only images that have any.
        left_out (dict[str, list[int]]): Why annotations are not usable, and
            their ids.

    Raises:
        FileNotFoundError: The file or an image does not exist.
        ValueError: The file has no annotation, or one that is broken.
    """

    def __init__(self,
                 ann_file: str,
                 img_prefix: str,
                 classes: Optional[Sequence[str]] = None) -> None:
        self.ann_file = ann_file
        self.data = self._load(ann_file)
        self.images = {img.get('id'): img for img in self.data['images']}
        self.info = self.data.get('info') or {}
        self._set_classes(classes)
        self._check_annotations()
        self._check_images(img_prefix)
        self.annotations = self._select()
        del self.data  # what is left out needs no memory

    @staticmethod
    def _load(ann_file: str) -> dict:
        if not exists(ann_file):
            raise FileNotFoundError(
                f'{ann_file} does not exist. Set `ann_file` (or `data_root`) '
                'of the dataset to a COCO JSON file.')
        try:
            data = load(ann_file, file_format='json')
        except ValueError as error:
            raise ValueError(f'{ann_file} is not valid JSON: {error}. If it '
                             'was cut short, write it again.') from error
        missing = [] if not isinstance(data, dict) else [
            key for key in ('images', 'annotations', 'categories')
            if not data.get(key)
        ]
        if missing or not isinstance(data, dict):
            raise ValueError(
                f'{ann_file} has no {" and no ".join(missing) or "content"}. '
                'A COCO file needs non-empty lists `images`, `annotations` '
                '(each with `bbox`) and `categories`.')
        return data

    def _set_classes(self, classes: Optional[Sequence[str]]) -> None:
        names = {cat['name']: cat['id'] for cat in self.data['categories']}
        self.classes = tuple(names if classes is None else classes)
        unknown = [name for name in self.classes if name not in names]
        if unknown:
            raise ValueError(
                f'{self.ann_file} has no category named {unknown}; it has '
                f'{sorted(names)}. Correct `metainfo.classes` of the dataset.')
        self.cat2label = {
            names[name]: label
            for label, name in enumerate(self.classes)
        }

    def _check_annotations(self) -> None:
        known = {cat['id'] for cat in self.data['categories']}
        id_counts = Counter(ann.get('id') for ann in self.data['annotations'])
        problems: Dict[str, List[int]] = {}
        for ann in self.data['annotations']:
            problem = self._problem(ann, known)
            if not problem and id_counts[ann['id']] > 1:
                problem = 'its `id` is not unique'
            if problem:
                problems.setdefault(problem, []).append(ann.get('id'))
        if problems:
            lines = [
                f'  {text}: annotation {_some(ids)}'
                for text, ids in problems.items()
            ]
            raise ValueError(f'{self.ann_file} cannot be used:\n' +
                             '\n'.join(lines) +
                             '\nCorrect or remove these annotations.')

    def _problem(self, ann: dict, known: set) -> Optional[str]:
        if not isinstance(ann.get('id'), int):
            return 'it has no integer `id`'
        if ann.get('image_id') not in self.images:
            return 'its image_id is not in `images`'
        if ann.get('category_id') not in known:
            return 'its category_id is not in `categories` (unknown class)'
        bbox = ann.get('bbox')
        if bbox is None:
            return 'it has no `bbox`'
        numbers = isinstance(bbox, list) and all(
            isinstance(number, (int, float)) for number in bbox)
        if not numbers or len(bbox) != 4 or not np.isfinite(bbox).all():
            return '`bbox` is not four finite numbers [x, y, width, height]'
        return None

    def _check_images(self, img_prefix: str) -> None:
        needed = ('id', 'file_name', 'height', 'width')
        poor = [
            img.get('id') for img in self.data['images'] if any(
                img.get(key) is None for key in needed)
        ]
        if poor:
            raise ValueError(
                f'{self.ann_file}: every image needs `id`, `file_name`, '
                f'`height` and `width`, add what is missing: image '
                f'{_some(poor)}')
        lost = [
            img['file_name'] for img in self.images.values()
            if not exists(osp.join(img_prefix, img['file_name']))
        ]
        if lost:
            raise FileNotFoundError(
                f'{len(lost)} of {len(self.images)} images of {self.ann_file} '
                f'do not exist in {img_prefix or "."}: {_some(lost)}. Set '
                '`data_prefix.img` to the folder of the images, or remove '
                'these images and their annotations from the file.')

    def _select(self) -> Dict[int, List[dict]]:
        """Keep the usable annotations and print how many were left out."""
        kept: Dict[int, List[dict]] = {}
        self.left_out: Dict[str, List[int]] = {}
        for ann in self.data['annotations']:
            reason = self._reason_to_leave_out(ann)
            if reason:
                self.left_out.setdefault(reason, []).append(ann['id'])
            else:
                kept.setdefault(ann['image_id'], []).append(ann)
        for reason, ids in self.left_out.items():
            print_log(
                f'{self.ann_file}: {len(ids)} of '
                f'{len(self.data["annotations"])} annotations left out, '
                f'{reason}: annotation {_some(ids)}',
                logger='current')
        if not kept:
            counts = {
                reason: len(ids)
                for reason, ids in self.left_out.items()
            }
            raise ValueError(f'{self.ann_file}: no annotation is left; left '
                             f'out: {counts}')
        return {
            img_id: sorted(kept[img_id], key=lambda ann: ann['id'])
            for img_id in sorted(kept)
        }

    def _reason_to_leave_out(self, ann: dict) -> Optional[str]:
        if ann.get('iscrowd', 0):
            return 'a crowd'
        if ann['category_id'] not in self.cat2label:
            return 'of a class that is not in use'
        x, y, w, h = ann['bbox']
        if w <= 0 or h <= 0:
            return 'box of zero area (give it a positive width and height)'
        img = self.images[ann['image_id']]
        box = pixel_boxes([[x, y, x + w, y + h]], img['height'], img['width'])
        if (box[0, 2:] <= box[0, :2]).any():
            return 'box outside its image (is it in pixels, as xywh?)'
        return None


def _some(items: Sequence, most: int = 5) -> str:
    """The first few of a list, for a message."""
    more = f' and {len(items) - most} more' if len(items) > most else ''
    return ', '.join(str(item) for item in items[:most]) + more
