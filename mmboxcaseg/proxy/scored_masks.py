from functools import cached_property
from itertools import chain
from typing import Dict, NamedTuple

import numpy as np
from mmengine.logging import print_log

from mmboxcaseg.datasets.coco import CocoBoxes, area_of, check_segmentations
from mmboxcaseg.structures import to_rle
from .provenance import digest_masks
from .proxy_file import check_masks


class ScoredMasks:
    """The n masks of a proxy file that have a score.

    They are sorted by image id, then by annotation id.

    Args:
        proxy_file (str): The proxy file.
        img_prefix (str): Folder that ``file_name`` is relative to.

    Attributes:
        provenance (dict): ``info.mmboxcaseg`` of the file.
        images (dict[int, dict]): Image record by image id.
        classes (tuple[str]): Class names by label.
        annotations (list[dict]): The annotation of each mask.
        ids (np.ndarray): Annotation ids, has shape (n, ).
        labels (np.ndarray): Class of each mask, has shape (n, ).
        scores (np.ndarray): Scores in [0, 1], has shape (n, ).
        expected_ious (np.ndarray): Expected IoUs in [0, 1], NaN where the
            file has none, has shape (n, ).
        areas (np.ndarray): Annotated areas in square pixels, see
            :func:`area_of`, has shape (n, ).
        left_out (dict[str, list[int]]): Ids of other annotations, by reason.

    Raises:
        FileNotFoundError: The file or an image does not exist.
        InputError: The file is broken or has no proxy mask.
    """

    def __init__(self, proxy_file: str, img_prefix: str) -> None:
        coco = CocoBoxes(proxy_file, img_prefix)
        self.proxy_file = proxy_file
        self.img_prefix = img_prefix
        self.provenance = (coco.data.get('info') or {}).get('mmboxcaseg', {})
        self.images = coco.images
        self.classes = coco.classes
        self.left_out = dict(coco.left_out)
        self._select(coco)
        self.ids = np.array([ann['id'] for ann in self.annotations])
        self.labels = np.array(
            [coco.cat2label[ann['category_id']] for ann in self.annotations])
        self.areas = np.array([area_of(ann) for ann in self.annotations])
        self.scores = np.array([ann['mask_score'] for ann in self.annotations])
        self.expected_ious = np.array(
            [ann.get('expected_iou', np.nan) for ann in self.annotations])

    def __len__(self) -> int:
        return len(self.annotations)

    @cached_property
    def fingerprint(self) -> str:
        """See :func:`digest_masks`, of the whole file."""
        return digest_masks(self._all)

    def rle(self, i: int) -> dict:
        """Mask number i as the compressed RLE of its image."""
        ann = self.annotations[i]
        img = self.images[ann['image_id']]
        return to_rle(ann['segmentation'], img['height'], img['width'])

    def _select(self, coco: CocoBoxes) -> None:
        anns = list(chain.from_iterable(coco.annotations.values()))
        # For the fingerprint, which depends on all masks of the file.
        self._all = coco.data['annotations']
        self.annotations = [ann for ann in anns if 'mask_score' in ann]
        unscored = [ann['id'] for ann in anns if 'mask_score' not in ann]
        check_masks(anns, self.proxy_file)
        check_segmentations(self.annotations, coco.images, self.proxy_file)
        if unscored:
            reason = 'without `mask_score`'
            self.left_out[reason] = unscored
            print_log(
                f'{self.proxy_file}: {len(unscored)} annotations left out, '
                f'{reason}; the first is annotation {unscored[0]}',
                logger='current')


class Comparison(NamedTuple):
    """Comparison of :class:`ScoredMasks` with the masks of another file.

    Args:
        path (str): The other file.
        masks (dict[int, dict]): Its compressed RLEs by annotation id.
        ious (np.ndarray): IoU of the two masks of each annotation, NaN
            where the other file has no mask, has shape (n, ).
        summary (dict[str, float]): mIoU* and IoU@k of these IoUs.
    """
    path: str
    masks: Dict[int, dict]
    ious: np.ndarray
    summary: Dict[str, float]
