"""Masks that are computed from the network's maps when they are read.

Letters in shapes: n boxes of an image, m crops of a box, S side of a crop.
"""
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from mmengine.structures import InstanceData
from torch import Tensor

from mmboxcaseg.structures import binarize_maps


def views_of(gt: InstanceData) -> np.ndarray:
    """Windows that the crops of an image show.

    Args:
        gt (InstanceData): ``windows`` (n, 4), and ``views`` (n, m, 4) where
            a box has several crops or its crop shows more than its window.

    Returns:
        np.ndarray: Integer windows in the order of the crops, has shape
        (n, m, 4).
    """
    return gt.views if 'views' in gt else np.asarray(gt.windows)[:, None]


class MapMasks(Sequence):
    """The masks of one image, each computed when it is read.

    So the thread of :class:`ProxyMaskHook` resizes the maps of one image
    while the network works on the next ones.

    Args:
        maps (Tensor): Foreground probabilities of all crops of the image,
            has shape (n * m, S, S).
        gt (InstanceData): Windows and views, see :func:`views_of`.
        kwargs: Options of :func:`binarize_maps`.
    """

    def __init__(self, maps: Tensor, gt: InstanceData, **kwargs) -> None:
        self.maps = maps
        self.views = views_of(gt)
        self.windows = gt.windows
        self.kwargs = kwargs

    @cached_property
    def _grouped(self) -> np.ndarray:
        """Maps by box, has shape (n, m, S, S)."""
        maps = self.maps.cpu().numpy()
        return maps.reshape(*self.views.shape[:2], *maps.shape[1:])

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, i: int) -> np.ndarray:
        """Compute mask i, boolean, as large as its window."""
        return binarize_maps(self._grouped[i], self.views[i], self.windows[i],
                             **self.kwargs)
