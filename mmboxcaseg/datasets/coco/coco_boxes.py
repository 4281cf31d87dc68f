"""Reading the boxes of a COCO file; all problems are reported at once."""
import os.path as osp
from collections import defaultdict
from operator import itemgetter
from typing import Dict, List, Optional, Sequence

import numpy as np
from mmengine.logging import print_log

from mmboxcaseg import InputError
from mmboxcaseg.structures import box_faults, box_units, xywh_to_xyxy
from .annotations import is_ignored, rotation_of
from .classes import check_class_list
from .image_files import (check_headers, header_problem, is_remote,
                          missing_files, read_header)
from .messages import first_few
from .reading import load_coco

# Results of box_units() and box_faults(), for messages.
UNITS = dict(xyxy='[x0, y0, x1, y1]', normalised='in 0..1')
FAULTS = {
    'box-inverted': 'box of negative width or height',
    'box-zero': 'box of zero area (give it a positive width and height)',
    'box-outside': 'box outside its image (is it in pixels, as xywh?)'
}


class CocoBoxes:
    """The checked content of a COCO file.

    A broken file raises an error before any work starts. Boxes that cannot
    be used for training are left out, and their number is printed: boxes of
    zero area or outside the image, crowds, and boxes marked ``ignore``.

    Args:
        ann_file (str): COCO JSON file.
        img_prefix (str, optional): Folder that ``file_name`` is relative to.
            None if no image will be read: then images are not checked.
        classes (Sequence[str], optional): Classes to use, in the order of
            their labels. Defaults to all of the file.
        upright (bool): Whether loading applies the EXIF orientation.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.

    Attributes:
        data (dict): The parsed JSON, unchanged.
        classes (tuple[str]): Class names by label.
        cat2label (dict[int, int]): Category id to label.
        images (dict[int, dict]): Image record by image id.
        annotations (dict[int, list[dict]]): Usable annotations by image id,
            sorted by annotation id; only images that have any.
        left_out (dict[str, list[int]]): Ids of other annotations by reason.

    Raises:
        FileNotFoundError: The file or an image does not exist.
        InputError: The file has no annotations or broken ones, its boxes are
            not [x, y, width, height] in pixels, or an image is not readable,
            has 16 bits, or has another size than in the file.
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
        # Check the JSON first: there may be many images, on remote storage.
        reasons = self._reasons(self._check_units())
        if img_prefix is not None:
            self._check_images(img_prefix)
            self._check_headers(img_prefix, upright)
        self.annotations = self._select(reasons)

    def _set_classes(self, classes: Optional[Sequence[str]]) -> None:
        check_class_list(classes)
        names = {cat['name']: cat['id'] for cat in self.data['categories']}
        self.classes = tuple(names if classes is None else classes)
        unknown = [name for name in self.classes if name not in names]
        if unknown:
            raise InputError(
                f'{self.ann_file} has no category named {unknown}; it has '
                f'{sorted(names)}. Correct `metainfo.classes` of the dataset.')
        self.cat2label = {names[c]: i for i, c in enumerate(self.classes)}

    def _check_units(self) -> Dict[str, np.ndarray]:
        """Check that boxes are xywh in pixels; return their other faults."""
        anns = self.data['annotations']
        boxes = np.array([ann['bbox'] for ann in anns], dtype=np.float64)
        images = [self.images[ann['image_id']] for ann in anns]
        sizes = np.array([(img['width'], img['height']) for img in images])
        units, is_certain = box_units(boxes, sizes)
        if units != 'xywh' and is_certain:
            raise InputError(
                f'{self.ann_file}: `bbox` of all {len(anns)} annotations is '
                f'{UNITS[units]}, but must be [x, y, width, height] in '
                'pixels. Convert the boxes; tools/check_data.py says how.')
        return box_faults(xywh_to_xyxy(boxes), sizes)

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
        found = []
        for img in self.images.values():
            path = osp.join(img_prefix, img['file_name'])
            if not is_remote(path, self.backend_args):
                header = read_header(path)
                size = img['height'], img['width']
                found.append((img['file_name'], header,
                              header_problem(header, size, upright)))
        check_headers(found, self.ann_file)

    def _select(self, reasons: List[Optional[str]]) -> Dict[int, List[dict]]:
        """Keep the usable annotations and print how many were left out."""
        kept, left_out, turned = defaultdict(list), defaultdict(list), []
        for ann, reason in zip(self.data['annotations'], reasons):
            if reason:
                left_out[reason].append(ann['id'])
                continue
            kept[ann['image_id']].append(ann)
            if rotation_of(ann):
                turned.append(ann['id'])
        self.left_out: Dict[str, List[int]] = dict(left_out)
        for reason, ids in left_out.items():
            self._print(f'left out, {reason}', ids)
        if turned:
            self._print(
                'say that their box is rotated (`rotation`, `angle`); '
                '`bbox` is used as an upright box', turned)
        if not kept:
            counts = {key: len(ids) for key, ids in left_out.items()}
            raise InputError(
                f'{self.ann_file}: no annotation is left; left out: {counts}. '
                'Correct these boxes, or `metainfo.classes`.')
        # Sorted by ids: the order of the entries in a file must not matter.
        return {
            img_id: sorted(anns, key=itemgetter('id'))
            for img_id, anns in sorted(kept.items())
        }

    def _reasons(self, faults: Dict[str, np.ndarray]) -> List[Optional[str]]:
        """Why each annotation is left out; None if it is used."""
        anns = self.data['annotations']
        reasons: List[Optional[str]] = [None] * len(anns)
        for kind, marks in faults.items():
            for i in np.flatnonzero(marks):
                reasons[i] = FAULTS[kind]
        # Last, to override the reasons above: a crowd may have any box.
        for i, ann in enumerate(anns):
            if is_ignored(ann):
                is_crowd = ann.get('iscrowd')
                reasons[i] = 'a crowd' if is_crowd else 'marked `ignore`'
            elif ann['category_id'] not in self.cat2label:
                reasons[i] = 'of a class that is not in use'
        return reasons

    def _print(self, what: str, ids: List[int]) -> None:
        total = len(self.data['annotations'])
        print_log(
            f'{self.ann_file}: {len(ids)} of {total} annotations {what}: '
            f'annotation {first_few(ids)}', 'current')
