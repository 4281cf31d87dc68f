"""Find the masks that a person corrected in another annotation program.

It is for formats that contain the shapes but cannot store a record of the
export.
"""
import shutil
from collections import defaultdict
from typing import Dict, List, Optional, Tuple

from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import CocoBoxes, first_few, segmentation_problem
from mmboxcaseg.structures import to_rle
from mmboxcaseg.structures.scores import SCORES
from .polygons import mask_to_polygons
from .provenance import library_versions
from .review import SOURCE as HUMAN
from .writer import ProxyWriter

# What a program should store with a mask, in addition to its class.
ATTRIBUTES = (*SCORES, 'mask_weight', 'mask_source')
ID = 'annotation_id'
FOREIGN = ('shapes left out: their annotation_id is not the id of a usable '
           'annotation of the image')
RELABELLED = 'shapes with another label: the class of their box stays'
OTHER_SHAPE = 'shapes left out: neither mask nor polygon nor box'


def is_shown(ann: dict) -> bool:
    """Whether an annotation has a proxy mask that another program should see.

    Args:
        ann (dict): Annotation of a proxy file, masks as RLE.

    Returns:
        bool: False if there is no mask, or it is empty or was dropped in a
        review (``mask_weight`` 0).
    """
    return ('mask_score' in ann and ann.get('mask_weight') != 0
            and mask_utils.area(ann['segmentation']) > 0)


def known_of(ann: dict) -> Dict[str, str]:
    """Get what another program should store with a mask: id, scores, source.

    Args:
        ann (dict): Annotation of a proxy file.

    Returns:
        dict[str, str]: Values as strings: ``annotation_id``, and those of
        ``ATTRIBUTES`` that the annotation has.
    """
    known = dict(ann, annotation_id=ann['id'])
    return {key: str(known[key]) for key in (ID, *ATTRIBUTES) if key in known}


def outlines(ann: dict, tolerance: float) -> List[List[float]]:
    """Polygons of a mask, rounded to 0.01 pixels, as in exported files.

    Args:
        ann (dict): Annotation that :func:`is_shown`.
        tolerance (float): See :func:`mask_to_polygons`.

    Returns:
        list[list[float]]: x0, y0, x1, y1, ..., one list per part of the mask.
    """
    polygons, _ = mask_to_polygons(ann['segmentation'], tolerance)
    return [polygon.round(2).ravel().tolist() for polygon in polygons]


class DrawnMasks:
    """The masks of an image as another program returns them.

    Args:
        img (dict): The image, with ``height`` and ``width``.
        annotations (list[dict]): Its annotations in the exported proxy file.
        names (dict[int, str]): Class names by category id.

    Attributes:
        ignored (dict[str, list[str]]): Names of shapes that were left out, or
            whose label was ignored, by reason.
    """

    def __init__(self, img: dict, annotations: List[dict],
                 names: Dict[int, str]) -> None:
        self.img, self.size = img, (img['height'], img['width'])
        self.annotations = annotations
        self.labels = {a['id']: names[a['category_id']] for a in annotations}
        self._ids = {str(key): key for key in self.labels}
        self.rles: Dict[int, List[dict]] = {key: [] for key in self.labels}
        self._foreign: Dict[str, List[str]] = defaultdict(list)  # by class
        self.ignored: Dict[str, List[str]] = defaultdict(list)

    def add(self, ann_id: Optional[str], label: str, name: str,
            segmentation: object) -> None:
        """Add a part of a mask.

        Args:
            ann_id (str, optional): Id of its annotation, None if not known.
            label (str): Its class.
            name (str): Its name for messages.
            segmentation (list | dict): Polygons, or RLE of the image.

        Raises:
            InputError: The segmentation is broken, or of another size.
        """
        problem = segmentation_problem(segmentation, self.img)
        if problem:
            raise InputError(f'{name}: {problem}. Correct or delete it in the '
                             'other program.')
        if ann_id not in self._ids:
            self.ignored[FOREIGN].append(name)
            self._foreign[label].append(name)
            return
        key = self._ids[ann_id]
        if label != self.labels[key]:
            self.ignored[RELABELLED].append(name)
        self.rles[key].append(to_rle(segmentation, *self.size))

    def corrected(self, tolerance: Optional[float]) -> List[dict]:
        """Find the masks that differ from those that were exported.

        Args:
            tolerance (float, optional): Tolerance of the exported polygons,
                see :func:`outlines`. None: masks were exported.

        Returns:
            list[dict]: Records for :meth:`ProxyWriter.append`. Their scores
            are 1, or 0 if the mask is empty now.

        Raises:
            InputError: A mask would become empty although a shape of its
                class has no id: most likely the two belong together.
        """
        self._check_ids()
        records = []
        for ann in self.annotations:
            old = to_rle([], *self.size)
            if is_shown(ann):
                old = ann['segmentation'] if tolerance is None else to_rle(
                    outlines(ann, tolerance), *self.size)
            new = self._union(self.rles[ann['id']])
            if new != self._union([old]):
                records.append(corrected_record(ann['id'], new))
        return records

    def _check_ids(self) -> None:
        """Refuse shapes without ids beside masks that are gone."""
        gone = [
            ann['id'] for ann in self.annotations
            if is_shown(ann) and not self.rles[ann['id']]
            and self.labels[ann['id']] in self._foreign
        ]
        labels = sorted({self.labels[key] for key in gone})
        names = [name for label in labels for name in self._foreign[label]]
        if names:
            raise InputError(
                f'shapes have lost the ids of their annotations ({ID}), so '
                f'the masks of annotation {first_few(gone)} would become '
                f'empty: {first_few(names)}. Give each shape the id of its '
                'annotation, or delete it if it belongs to none, and export '
                'again. If all ids are lost, let the other program keep '
                'them, see docs/other_tools.md.')

    def _union(self, rles: List[dict]) -> dict:
        return to_rle(mask_utils.merge(rles) if rles else [], *self.size)


def corrected_record(ann_id: int, rle: dict) -> dict:
    """Make the record of a mask that a person drew.

    Args:
        ann_id (int): Id of the annotation.
        rle (dict): Compressed RLE, may be empty.

    Returns:
        dict: Record for :meth:`ProxyWriter.append`; the scores are 1, or 0
        for an empty mask.
    """
    score = float(mask_utils.area(rle) > 0)
    return dict(id=ann_id, segmentation=rle, **dict.fromkeys(SCORES, score))


def write_corrected(out: str, coco: CocoBoxes,
                    records: Dict[int, List[dict]]) -> Tuple[int, int]:
    """Write a proxy file with corrected masks; all others stay as they are.

    Args:
        out (str): The file to write.
        coco (CocoBoxes): The proxy file that was exported.
        records (dict[int, list[dict]]): Corrected masks by image id.

    Returns:
        tuple: Number of corrected masks, and how many of them are empty.

    Raises:
        OSError: The file cannot be written.
        InputError: It is the exported file.
    """
    provenance = dict(
        mask_source=HUMAN,
        versions=library_versions(),
        corrected=(coco.data.get('info') or {}).get('mmboxcaseg'))
    writer = ProxyWriter(out, coco.ann_file, provenance)
    writer.prepare()
    try:
        for img_id, image_records in records.items():
            writer.append(0, img_id, image_records)
        written = writer.finish()['instances']
    except BaseException:
        # Unlike labelling, which resumes from the shards, this is quick.
        shutil.rmtree(writer.folder, ignore_errors=True)
        raise
    emptied = sum(not record['mask_score']
                  for image_records in records.values()
                  for record in image_records)
    return written, emptied
