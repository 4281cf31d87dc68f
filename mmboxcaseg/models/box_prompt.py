from mmdet.utils import OptMultiConfig
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmboxcaseg.registry import MODELS


@MODELS.register_module()
class BoxPrompt(BaseModule):
    """Shows the backbone of a labeller where the box of a crop is.

    It allows crops that are larger than the box. A convolution turns the map
    of the box into three channels, which are added to the colours. Its
    weights start at 0, so a pretrained backbone first sees plain crops.

    In training only crops with a mask show their box (``box_map`` of
    :class:`PackCrops`). On crops without a mask, the weak head must find the
    extent of the object: if it saw the box, filling the box would satisfy all
    bags.

    Args:
        kernel_size (int): Kernel of the convolution. Defaults to 7.
        init_cfg (dict | list[dict]): Defaults to 0 for all weights.
    """

    def __init__(
        self,
        kernel_size: int = 7,
        init_cfg: OptMultiConfig = dict(
            type='Constant', layer='Conv2d', val=0)
    ) -> None:
        super().__init__(init_cfg)
        self.conv = nn.Conv2d(
            1, 3, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Add the box to the colours.

        Args:
            inputs (Tensor): Normalised crops, has shape (N, 4, S, S). The
                last channel is 1 inside the box, -1 outside, and 0 where the
                box is not shown. Crops of shape (N, 3, S, S) show no box.

        Returns:
            Tensor: What the backbone sees, has shape (N, 3, S, S).
        """
        if inputs.shape[1] == 3:
            inputs = F.pad(inputs, (0, 0, 0, 0, 0, 1))
        return inputs[:, :3] + self.conv(inputs[:, 3:])
