"""Masks that are computed from the network's maps when they are read.

Letters in shapes: n boxes of an image, m crops of a box, S side of a crop.
"""
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from mmengine.structures import InstanceData
from torch import Tensor

from mmboxcaseg.structures import binarize_maps, window_map


def views_of(gt: InstanceData) -> np.ndarray:
    """Integer windows that the crops of an image show, shape (n, m, 4).

    Args:
        gt (InstanceData): ``windows`` (n, 4), and ``views`` (n, m, 4) if
            boxes have several crops or crops show more than their windows.

    Returns:
        np.ndarray: Integer boxes in pixels of the image, xyxy.
    """
    return gt.views if 'views' in gt else np.asarray(gt.windows)[:, None]


class MapMasks(Sequence):
    """The masks of one image, each computed when it is read.

    This way the thread of :class:`ProxyMaskHook` resizes the maps of one
    image while the network runs on the next ones.

    Args:
        maps (Tensor): Foreground probabilities of all crops of the image,
            has shape (n * m, S, S).
        gt (InstanceData): See :func:`views_of`.
        kwargs: Options of :func:`binarize_maps`.
    """

    # The network does not predict them. None: estimate from probabilities.
    expected_ious = None

    def __init__(self, maps: Tensor, gt: InstanceData, **kwargs) -> None:
        self.views, self.windows, self.kwargs = views_of(
            gt), gt.windows, kwargs
        self.maps = maps.unflatten(0, self.views.shape[:2])  # by box

    @cached_property
    def _maps(self) -> np.ndarray:
        # On first use, so that the thread of ProxyMaskHook waits for the GPU.
        return self.maps.cpu().numpy()

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, i: int) -> np.ndarray:
        """Compute mask i, boolean, as large as its window."""
        return binarize_maps(self._maps[i], self.views[i], self.windows[i],
                             **self.kwargs)

    def probability(self, i: int) -> np.ndarray:
        """Compute the probabilities of mask i, float, of the same shape.

        They are resized as the mask is, without stretching to [0, 1].
        """
        eight_bit = self.kwargs.get('eight_bit', False)
        return window_map(
            self._maps[i], self.views[i], self.windows[i], eight_bit=eight_bit)
