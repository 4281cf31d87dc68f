from mmdet.utils import OptMultiConfig
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmboxcaseg.registry import MODELS


class HeadBatchNorm2d(nn.BatchNorm2d):
    """Batch normalization that accepts an empty batch while training.

    If no crop has a mask, the batch of the head is empty. The stock layer
    would then change its running statistics. This layer keeps them, and its
    parameters get a gradient of 0, which DistributedDataParallel waits for.
    SyncBN, which replaces this layer if a config asks for it, handles a
    process without crops itself.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise features of shape (N, C, H, W), N >= 0."""
        if not self.training or len(x):
            return super().forward(x)
        return x * self.weight[:, None, None] + self.bias[:, None, None]


@MODELS.register_module()
class SegmentationHead(BaseModule):
    """The architecture of all heads (Figure 4): conv1x1, BN, ReLU, conv1x1.

    Args:
        channels (int): Channels of the features and of the hidden layer.
        init_cfg (dict | list[dict]): Defaults to N(0, 0.001) for the weights,
            as in the authors' code, and 0 for the biases, for which the
            authors' code keeps PyTorch's uniform initialization.
    """

    def __init__(
        self,
        channels: int,
        init_cfg: OptMultiConfig = dict(
            type='Normal', layer='Conv2d', std=0.001)
    ) -> None:
        super().__init__(init_cfg)
        self.conv1 = nn.Conv2d(channels, channels, 1)
        self.bn = HeadBatchNorm2d(channels, momentum=0.01)
        self.conv2 = nn.Conv2d(channels, 1, 1)

    def forward(self, feats: Tensor) -> Tensor:
        """Turn features (N, C, H, W) into logits (N, 1, H, W)."""
        return self.conv2(self.bn(self.conv1(feats)).relu())
