from typing import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from mmboxcaseg.registry import MODELS


@MODELS.register_module()
class ResizeConcat(BaseModule):
    """Resize all maps bilinearly to the finest one and concatenate them.

    This is the head-less end of HRNetV2: strides 4, 8, 16, 32 become one
    map of stride 4 (720 channels for w48).
    """

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Join the maps.

        Args:
            feats (Sequence[Tensor]): Fine to coarse, each has shape
                (N, C_i, H_i, W_i).

        Returns:
            Tensor: Has shape (N, sum C_i, H_0, W_0).
        """
        size = feats[0].shape[2:]
        return torch.cat(
            [feats[0]] +
            [F.interpolate(feat, size, mode='bilinear') for feat in feats[1:]],
            dim=1)
