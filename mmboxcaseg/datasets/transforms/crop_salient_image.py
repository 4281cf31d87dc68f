from typing import Optional, Tuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmboxcaseg import InputError
from mmboxcaseg.registry import TRANSFORMS
from .crops import crop_side


@TRANSFORMS.register_module()
class CropSalientImage(BaseTransform):
    """Resize a whole salient image, then cut a random crop (section 3.2.2).

    Required Keys: ``img``, ``gt_seg_map``.

    Modified Keys: both, to the shape (S, S, 3) and (S, S).

    Args:
        zoom (tuple[float]): Range of the sides of the resized image, in sides
            of the crop, 1 or more. Width and height are drawn independently,
            so that the aspect ratio changes. Defaults to (10 / 9, 10 / 9),
            the paper's 320 px for crops of 288 px.
        size (int, optional): Side S of a crop in pixels. Defaults to
            ``crop_size`` of the data set.

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
        """Cut the crop.

        Args:
            results (dict): Item of :class:`SalientDataset` with its image
                and mask.

        Returns:
            dict: The item.
        """
        size = crop_side(self.size, results)
        low, high = (round(size * zoom) for zoom in self.zoom)
        # The draws are those of mmdet's RandomResize and RandomCrop.
        width, height = ((low, low) if low == high else
                         (np.random.randint(low, high + 1),
                          np.random.randint(low, high + 1)))
        y = np.random.randint(height - size + 1)
        x = np.random.randint(width - size + 1)
        for key, interpolation in (('img', cv2.INTER_LINEAR),
                                   ('gt_seg_map', cv2.INTER_NEAREST)):
            resized = cv2.resize(
                results[key], (width, height), interpolation=interpolation)
            results[key] = resized[y:y + size, x:x + size]
        return results

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}(zoom={self.zoom}, '
                f'size={self.size})')
