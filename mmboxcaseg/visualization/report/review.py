"""The review page: keep or drop masks in a browser, with keys."""
import os.path as osp
from typing import Dict, List, Optional, Sequence

import cv2
import numpy as np

from mmboxcaseg import InputError, track
from mmboxcaseg.datasets.coco import write_atomically
from mmboxcaseg.proxy import ScoredMasks
from mmboxcaseg.structures import decode_window, encode_window, run_lengths
from ..drawing import to_jpeg_uri
from .galleries import cut_image, order_by_score
from .statistics import SIZES, coco_sizes
from .templates import load_template

# Surroundings of a box: relative to its longer side, and minimum in pixels.
MARGIN, MIN_MARGIN = 0.4, 16


class ProxyReview:
    """A page to review some masks of a proxy file.

    Empty masks are not shown, because training never uses them.

    Args:
        masks (ScoredMasks): The n masks of the proxy file.
        num (int): Largest number of masks on the page.
        seed (int, optional): Draw the masks with this seed. Defaults to
            None: the masks with the lowest expected IoU, or with the lowest
            ``mask_score`` if the file has no expected IoU.
        classes (Sequence[str], optional): Names of the classes to review.
            Defaults to all.
        again (bool): Whether to review masks that have a ``mask_weight``,
            too, for example from an earlier review.
        side (int): Longest side of an embedded image in pixels.

    Attributes:
        picks (np.ndarray): Indices of the masks in their order on the page,
            has shape (m, ).
        left_out (dict[str, int]): Number of masks not considered, by reason.

    Raises:
        InputError: A class is unknown, or there is no mask to review.
    """

    def __init__(self,
                 masks: ScoredMasks,
                 num: int = 200,
                 seed: Optional[int] = None,
                 classes: Optional[Sequence[str]] = None,
                 again: bool = False,
                 side: int = 480) -> None:
        self.masks = masks
        self.side = side
        self.left_out: Dict[str, int] = {}
        usable = self._usable(classes, again)
        if seed is None:
            scores = masks.expected_ious
            order = order_by_score(masks, False,
                                   None if np.isnan(scores).all() else scores)
            self.picks = order[usable[order]][:num]
        else:
            found = np.flatnonzero(usable)
            self.picks = np.sort(
                np.random.default_rng(seed).choice(
                    found, min(num, len(found)), replace=False))

    def write(self, out_file: str) -> None:
        """Write the page, atomically.

        Args:
            out_file (str): The HTML file.

        Raises:
            InputError: An image cannot be read or has another size.
        """
        boxes, images = [], []
        for i in track(self.picks.tolist()):
            box, image = self._box(i)
            boxes.append(box)
            images.append(image)
        name = osp.basename(self.masks.proxy_file)
        content = dict(
            proxy_file=name,
            masks_sha256=self.masks.fingerprint,
            out_file=osp.splitext(name)[0] + '_review.json',
            boxes=boxes)
        page = load_template('review.html.j2').generate(
            content=content, images=images)
        write_atomically(out_file, page)

    def _usable(self, classes: Optional[Sequence[str]],
                again: bool) -> np.ndarray:
        """Whether a mask may be on the page, (n, ); sets ``left_out``."""
        masks = self.masks
        names = masks.classes if classes is None else classes
        unknown = [name for name in names if name not in masks.classes]
        if unknown:
            raise InputError(f'{masks.proxy_file} has no class {unknown}; it '
                             f'has {sorted(masks.classes)}.')
        usable = np.isin(masks.labels, [masks.classes.index(n) for n in names])
        weighted = [
            not again and 'mask_weight' in a for a in masks.annotations
        ]
        for reason, marks in (('empty', masks.scores == 0),
                              ('with a `mask_weight`', np.array(weighted))):
            count = np.count_nonzero(usable & marks)
            if count:
                self.left_out[reason] = count
            usable &= ~marks
        if not usable.any():
            raise InputError(
                f'{masks.proxy_file} has no mask to review; left out: '
                f'{self.left_out}. Name other classes, or review masks with '
                'a `mask_weight` again.')
        return usable

    def _box(self, i: int) -> tuple:
        """What the page shows of a mask, and its image as a data URI."""
        masks, ann = self.masks, self.masks.annotations[i]
        x, y, w, h = ann['bbox']
        margin = max(MARGIN, MIN_MARGIN / max(w, h))
        crop, window = cut_image(masks, i, margin)
        mask = decode_window(masks.rle(i), window).astype(np.uint8)
        scale = min(self.side / max(mask.shape), 1)
        height, width = (max(round(n * scale), 1) for n in mask.shape)
        if scale < 1:
            crop, mask = (
                cv2.resize(a, (width, height), interpolation=cv2.INTER_AREA)
                for a in (crop, mask))
        box = [(x - window[0]) * scale, (y - window[1]) * scale, w * scale,
               h * scale]
        fields = dict(
            # A string: numbers of JavaScript are exact only up to 2^53.
            id=str(ann['id']),
            name=masks.classes[masks.labels[i]],
            file_name=masks.images[ann['image_id']]['file_name'],
            score=float(masks.scores[i]),
            expected_iou=ann.get('expected_iou'),
            bbox=[round(float(w), 1), round(float(h), 1)],
            size=SIZES[coco_sizes(masks.areas[i])],
            source=ann['mask_source'],
            weight=ann.get('mask_weight'))
        fields.update(
            width=width,
            height=height,
            box=[round(float(v), 2) for v in box],
            runs=_runs(mask))
        return fields, to_jpeg_uri(crop)


def _runs(mask: np.ndarray) -> List[int]:
    """Run lengths of a mask (h, w), column by column, background first."""
    h, w = mask.shape
    counts = encode_window(mask, np.array([0, 0, w, h]), h, w)['counts']
    return run_lengths(counts).tolist()
