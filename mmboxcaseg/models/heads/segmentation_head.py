from mmengine.model import BaseModule
from torch import Tensor, nn

from mmboxcaseg.registry import MODELS


@MODELS.register_module()
class SegmentationHead(BaseModule):
    """The form of all heads (Figure 4): conv1x1, BN, ReLU, conv1x1.

    Args:
        channels (int): Channels of the features and of the hidden layer.
        init_cfg (dict | list[dict]): Defaults to the authors' N(0, 0.001).
    """

    def __init__(
        self,
        channels: int,
        init_cfg=dict(type='Normal', layer='Conv2d', std=0.001)
    ) -> None:
        super().__init__(init_cfg)
        self.conv1 = nn.Conv2d(channels, channels, 1)
        self.bn = nn.BatchNorm2d(channels, momentum=0.01)
        self.conv2 = nn.Conv2d(channels, 1, 1)

    def forward(self, feats: Tensor) -> Tensor:
        """Score every position.

        Args:
            feats (Tensor): Has shape (N, C, H, W).

        Returns:
            Tensor: Logits, has shape (N, 1, H, W).
        """
        return self.conv2(self.bn(self.conv1(feats)).relu())
