"""Reading the boxes of a COCO file; all problems are reported at once."""
import os.path as osp
from operator import itemgetter
from typing import Dict, List, Optional, Sequence

import numpy as np
from mmengine.logging import print_log

from mmboxcaseg import InputError
from mmboxcaseg.structures import box_faults, box_units, xywh_to_xyxy
from .annotations import is_ignored, rotation_of
from .classes import check_class_list
from .decoding import warn_of_cut_files
from .image_files import describe, image_problem, is_remote, missing_files
from .messages import first_few, raise_problems
from .reading import load_coco

# What box_units() finds, for messages.
UNITS = dict(xyxy='[x0, y0, x1, y1]', normalised='in 0..1')
# The same for box_faults().
FAULTS = {
    'box-inverted': 'box of negative width or height',
    'box-zero': 'box of zero area (give it a positive width and height)',
    'box-outside': 'box outside its image (is it in pixels, as xywh?)'
}


class CocoBoxes:
    """The checked content of a COCO file.

    A broken file raises an error before any work starts. Boxes that no
    detector could be trained with are left out, and their number is printed:
    boxes of zero area or outside the image, crowds, and boxes marked
    ``ignore``.

    Args:
        ann_file (str): COCO JSON file.
        img_prefix (str, optional): Folder that ``file_name`` is relative to.
            None if no image will be read: then images are not checked.
        classes (Sequence[str], optional): Names of the classes to use, in
            the order of their labels. Defaults to all of the file.
        upright (bool): Whether images are loaded as their EXIF orientation
            says. Defaults to True.
        backend_args (dict, optional): Storage backend of the files, see
            :func:`mmengine.fileio.get`. Defaults to None.

    Attributes:
        data (dict): The parsed JSON, unchanged.
        classes (tuple[str]): Class names by label.
        cat2label (dict[int, int]): Category id to label.
        images (dict[int, dict]): Image record by image id.
        annotations (dict[int, list[dict]]): Usable annotations by image id,
            sorted by annotation id; only images that have any.
        left_out (dict[str, list[int]]): Ids of the annotations that are left
            out, by reason.

    Raises:
        FileNotFoundError: The file or an image does not exist.
        InputError: The file has no annotations or broken ones, its boxes are
            not [x, y, width, height] in pixels, or an image cannot be
            decoded, has 16 bits, or has another size than the file says.
    """

    def __init__(self,
                 ann_file: str,
                 img_prefix: Optional[str],
                 classes: Optional[Sequence[str]] = None,
                 upright: bool = True,
                 backend_args: Optional[dict] = None) -> None:
        self.ann_file = ann_file
        self.backend_args = backend_args
        self.data = load_coco(ann_file, backend_args)
        self.images = {img['id']: img for img in self.data['images']}
        self._set_classes(classes)
        self._check_units()
        if img_prefix is not None:
            self._check_images(img_prefix)
            self._check_headers(img_prefix, upright)
        self.annotations = self._select()

    def _set_classes(self, classes: Optional[Sequence[str]]) -> None:
        check_class_list(classes)
        names = {cat['name']: cat['id'] for cat in self.data['categories']}
        self.classes = tuple(names if classes is None else classes)
        unknown = [name for name in self.classes if name not in names]
        if unknown:
            raise InputError(
                f'{self.ann_file} has no category named {unknown}; it has '
                f'{sorted(names)}. Correct `metainfo.classes` of the dataset.')
        self.cat2label = {
            names[name]: label
            for label, name in enumerate(self.classes)
        }

    def _check_units(self) -> None:
        anns = self.data['annotations']
        boxes = np.array([ann['bbox'] for ann in anns], dtype=np.float64)
        sizes = [(img['width'], img['height'])
                 for img in (self.images[ann['image_id']] for ann in anns)]
        units, is_certain = box_units(boxes, np.array(sizes))
        if units != 'xywh' and is_certain:
            raise InputError(
                f'{self.ann_file}: `bbox` of all {len(anns)} annotations is '
                f'{UNITS[units]}, but must be [x, y, width, height] in '
                'pixels. Convert the boxes; tools/check_data.py says how.')
        # Kept for _select().
        self._faults = box_faults(xywh_to_xyxy(boxes), np.array(sizes))

    def _check_images(self, img_prefix: str) -> None:
        names = [img['file_name'] for img in self.images.values()]
        lost = missing_files(img_prefix, names, self.backend_args)
        if lost:
            raise FileNotFoundError(
                f'{len(lost)} of {len(self.images)} images of {self.ann_file} '
                f'do not exist in {img_prefix or "."}: {first_few(lost)}. Set '
                '`data_prefix.img` to the folder of the images, or remove '
                'these images and their annotations from the file.')

    def _check_headers(self, img_prefix: str, upright: bool) -> None:
        problems: Dict[str, list] = {}
        paths = []
        for img in self.images.values():
            path = osp.join(img_prefix, img['file_name'])
            if is_remote(path, self.backend_args):
                continue
            paths.append(path)
            size = img['height'], img['width']
            code = image_problem(path, size, upright)
            if code:
                problems.setdefault(describe(code),
                                    []).append(img['file_name'])
        raise_problems(problems, 'image', self.ann_file)
        warn_of_cut_files(paths, self.ann_file)

    def _select(self) -> Dict[int, List[dict]]:
        """Keep the usable annotations and print how many were left out."""
        kept: Dict[int, List[dict]] = {}
        self.left_out: Dict[str, List[int]] = {}
        for ann, reason in zip(self.data['annotations'], self._reasons()):
            if reason:
                self.left_out.setdefault(reason, []).append(ann['id'])
            else:
                kept.setdefault(ann['image_id'], []).append(ann)
        for reason, ids in self.left_out.items():
            self._print(f'left out, {reason}', ids)
        turned = [
            ann['id'] for anns in kept.values() for ann in anns
            if rotation_of(ann)
        ]
        if turned:
            self._print(
                'say that their box is turned (`rotation`, `angle`); '
                '`bbox` is used as an upright box', turned)
        if not kept:
            counts = {
                reason: len(ids)
                for reason, ids in self.left_out.items()
            }
            raise InputError(
                f'{self.ann_file}: no annotation is left; left out: {counts}. '
                'Correct these boxes, or `metainfo.classes`.')
        return {
            img_id: sorted(kept[img_id], key=itemgetter('id'))
            for img_id in sorted(kept)
        }

    def _reasons(self) -> List[Optional[str]]:
        """Why each annotation is left out; None if it is used."""
        anns = self.data['annotations']
        reasons: List[Optional[str]] = [None] * len(anns)
        for kind, marks in self._faults.items():
            for i in np.flatnonzero(marks):
                reasons[i] = FAULTS[kind]
        for i, ann in enumerate(anns):
            if is_ignored(ann):
                is_crowd = ann.get('iscrowd')
                reasons[i] = 'a crowd' if is_crowd else 'marked `ignore`'
            elif ann['category_id'] not in self.cat2label:
                reasons[i] = 'of a class that is not in use'
        del self._faults
        return reasons

    def _print(self, what: str, ids: List[int]) -> None:
        print_log(
            f'{self.ann_file}: {len(ids)} of '
            f'{len(self.data["annotations"])} annotations {what}: '
            f'annotation {first_few(ids)}',
            logger='current')
