from typing import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from mmboxcaseg.registry import MODELS


@MODELS.register_module()
class ResizeConcat(BaseModule):
    """Resizes all maps bilinearly to the finest one and concatenates them.

    This is the output of HRNetV2: maps of strides 4, 8, 16 and 32 become one
    map of stride 4, with 48 + 96 + 192 + 384 = 720 channels for W48.
    """

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Join maps (N, C_i, H_i, W_i), fine to coarse: (N, C, H_0, W_0)."""
        finest, *others = feats
        others = [
            F.interpolate(feat, finest.shape[2:], mode='bilinear')
            for feat in others
        ]
        return torch.cat([finest, *others], dim=1)
