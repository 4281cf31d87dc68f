from typing import Optional, Tuple

import cv2
import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.registry import TRANSFORMS
from .crops import CropTransform, crop_side


@TRANSFORMS.register_module()
class CropSalientImage(CropTransform):
    """Resize a whole salient image, then cut a random crop (section 3.2.2).

    Required Keys: ``img``, ``gt_seg_map``.

    Modified Keys: both, to the shape (S, S, 3) and (S, S).

    Args:
        zoom (tuple[float]): Range of the sides of the resized image, relative
            to the side of the crop, 1 or more. Width and height are drawn
            independently. Defaults to (10 / 9, 10 / 9), the paper's 320 px
            for 288 px.
        size (int, optional): Side S in pixels. Defaults to the ``crop_size``
            of the data set.

    Raises:
        InputError: The resized image could be smaller than the crop.
    """

    def __init__(self,
                 zoom: Tuple[float, float] = (10 / 9, 10 / 9),
                 size: Optional[int] = None) -> None:
        if not 1 <= zoom[0] <= zoom[1]:
            raise InputError(f'zoom={tuple(zoom)} of CropSalientImage must be '
                             '(low, high), with 1 <= low <= high.')
        self.zoom = zoom
        self.size = size

    def transform(self, results: dict) -> dict:
        """Resize and crop image and mask of an item."""
        size = crop_side(self.size, results)
        low, high = (round(size * zoom) for zoom in self.zoom)
        # The same distribution as mmdet's RandomResize and RandomCrop.
        width, height = (
            np.random.randint(low, high + 1, 2) if low < high else (low, low))
        y = np.random.randint(height - size + 1)
        x = np.random.randint(width - size + 1)
        for key, interpolation in (('img', cv2.INTER_LINEAR),
                                   ('gt_seg_map', cv2.INTER_NEAREST)):
            resized = cv2.resize(
                results[key], (width, height), interpolation=interpolation)
            results[key] = resized[y:y + size, x:x + size]
        return results
