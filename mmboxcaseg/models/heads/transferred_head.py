from typing import Tuple

import torch
from mmdet.utils import OptMultiConfig
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmboxcaseg.registry import MODELS
from .segmentation_head import HeadBatchNorm2d, SegmentationHead


class WeightTransfer(nn.Module):
    """Predict the parameters of one convolution from those of another.

    A two-layer MLP with leaky ReLU (section 3.3.2) maps each row of the
    source's weight, one row per output channel. The bias is scaled by k and
    shifted by b, which start at 1 and 0. The source gets no gradient.

    Args:
        row_length (int): Length in_channels * k * k of a row. The hidden
            layer is 4 times as wide, as in the authors' code.
    """

    def __init__(self, row_length: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(row_length, 4 * row_length)
        self.fc2 = nn.Linear(4 * row_length, row_length)
        self.k = nn.Parameter(torch.ones(1))
        self.b = nn.Parameter(torch.zeros(1))

    def forward(self, source: nn.Conv2d) -> Tuple[Tensor, Tensor]:
        """Predict the parameters of the other convolution.

        Args:
            source (nn.Conv2d): Convolution with O output and I input channels.

        Returns:
            tuple[Tensor]: Weight of shape (O, I, k, k) and bias (O, ).
        """
        weight, bias = source.weight.detach(), source.bias.detach()
        rows = F.leaky_relu(self.fc1(weight.flatten(1)), 0.1)
        return self.fc2(rows).view_as(weight), self.k * bias + self.b


@MODELS.register_module()
class TransferredHead(BaseModule):
    """Segmentation head with weights predicted from the weak head (Figure 4).

    It has its own BN. Both convolutions get their parameters from
    :class:`WeightTransfer`.

    Args:
        channels (int): Channels of the features.
        init_cfg (dict | list[dict]): Defaults to N(0, 0.01) for the MLPs, as
            in the authors' code.
    """

    def __init__(
        self,
        channels: int,
        init_cfg: OptMultiConfig = dict(
            type='Normal', layer='Linear', std=0.01)
    ) -> None:
        super().__init__(init_cfg)
        self.transfer1 = WeightTransfer(channels)
        self.transfer2 = WeightTransfer(channels)
        self.bn = HeadBatchNorm2d(channels, momentum=0.01)

    def init_weights(self) -> None:
        """Initialize the biases of the MLPs like their weights, N(0, 0.01)."""
        super().init_weights()
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.bias, std=0.01)

    def forward(self, feats: Tensor, weak_head: SegmentationHead) -> Tensor:
        """Compute the logits.

        Args:
            feats (Tensor): Features, has shape (N, C, H, W).
            weak_head (SegmentationHead): Source of the parameters; it gets no
                gradient.

        Returns:
            Tensor: Logits, has shape (N, 1, H, W).
        """
        hidden = F.conv2d(feats, *self.transfer1(weak_head.conv1))
        return F.conv2d(
            self.bn(hidden).relu(), *self.transfer2(weak_head.conv2))
