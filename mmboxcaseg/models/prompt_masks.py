"""Masks of a promptable model, computed when they are read.

Letters in shapes: n boxes of an image, (h', w') size of the model's maps.
"""
from collections.abc import Sequence
from functools import cached_property
from typing import List

import numpy as np
from torch import Tensor

from mmboxcaseg.structures import sample_map


class PromptMasks(Sequence):
    """The masks of one image, each computed when it is read.

    This way the thread of :class:`ProxyMaskHook` resizes the maps of one
    image while the network runs on the next ones, and masks of the size of
    the image are never in memory.

    Args:
        logits (Tensor): Logits of the whole image by box, float32, has shape
            (n, h', w').
        ious (Tensor): IoUs that the model predicts, has shape (n, ).
        view (Sequence[float]): The box that the maps show, in pixels of the
            image, xyxy. It is larger than the image if the model pads images.
        windows (np.ndarray): Integer windows, has shape (n, 4).
    """

    def __init__(self, logits: Tensor, ious: Tensor, view: Sequence,
                 windows: np.ndarray) -> None:
        self.logits, self.ious = logits, ious
        self.view, self.windows = view, windows

    @cached_property
    def _logits(self) -> np.ndarray:
        return self.logits.cpu().numpy()

    @cached_property
    def expected_ious(self) -> List[float]:
        """The n IoUs that the model predicts; they may be above 1."""
        return self.ious.tolist()

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, i: int) -> np.ndarray:
        """Compute mask i, boolean, as large as its window."""
        return self._sample(i) > 0

    def probability(self, i: int) -> np.ndarray:
        """Compute the probabilities of mask i, float, of the same shape."""
        # Clipped because exp() would overflow and warn.
        return 1 / (1 + np.exp(-self._sample(i).clip(-60, 60)))

    def _sample(self, i: int) -> np.ndarray:
        return sample_map(self._logits[i], self.view, self.windows[i])
