from typing import List

from mmpretrain.models.backbones.hrnet import HRModule, HRNet
from mmpretrain.models.backbones.resnet import ResLayer, get_expansion
from torch import Tensor, nn
from torch.nn import functional as F

from mmboxcaseg.registry import MODELS


class BilinearHRModule(HRModule):
    """A high-resolution module that fuses its branches bilinearly.

    mmpretrain's module up-samples with 'nearest' and by a fixed factor. The
    authors' network, which their weights need, up-samples bilinearly to the
    exact size of the finer branch, so any input size works. Parameters and
    their names are the same.
    """

    def forward(self, x: List[Tensor]) -> List[Tensor]:
        """Run the branches and exchange their features.

        Args:
            x (list[Tensor]): One map (N, C_i, H_i, W_i) per branch, fine to
                coarse.

        Returns:
            list[Tensor]: Maps of the same shapes.
        """
        x = [branch(feat) for branch, feat in zip(self.branches, x)]
        fused = []
        for i, row in enumerate(self.fuse_layers):
            y, size = x[i], x[i].shape[2:]
            for j, layer in enumerate(row):
                if j < i:
                    y = y + layer(x[j])
                elif j > i:
                    y = y + F.interpolate(layer(x[j]), size, mode='bilinear')
            fused.append(self.relu(y))
        return fused


@MODELS.register_module()
class HRNetV2(HRNet):
    """HRNetV2 of the authors: mmpretrain's HRNet with bilinear fusion.

    Checkpoints of mmpretrain's and mmdet's HRNet have the same parameter
    names and can be loaded. Without a checkpoint, convolutions start from
    mmpretrain's Kaiming initialization; the authors draw them from
    N(0, 0.001) and then load ImageNet weights.

    Args:
        arch (str): 'w18', 'w32', 'w48' or another preset of mmpretrain.
            Ignored if ``extra`` is given. Defaults to 'w48'.
        norm_cfg (dict): Defaults to BN with the authors' momentum, 0.01.
        kwargs: Other arguments of :class:`mmpretrain.models.HRNet`; ``extra``
            describes a custom network.
    """

    def __init__(self,
                 arch: str = 'w48',
                 norm_cfg: dict = dict(type='BN', momentum=0.01),
                 **kwargs) -> None:
        super().__init__(arch=arch, norm_cfg=norm_cfg, **kwargs)
        # The parent class builds layer1 without conv_cfg and norm_cfg.
        stage = self.stage1_cfg
        block = self.blocks_dict[stage['block']]
        self.layer1 = ResLayer(
            block,
            num_blocks=stage['num_blocks'][0],
            in_channels=64,
            out_channels=stage['num_channels'][0] * get_expansion(block),
            conv_cfg=self.conv_cfg,
            norm_cfg=self.norm_cfg)

    def _make_stage(self, *args, **kwargs) -> nn.Sequential:
        """Build a stage of the parent class and replace its up-sampling."""
        stage = super()._make_stage(*args, **kwargs)
        for module in stage:
            # The parent class has no option for the class of its modules.
            module.__class__ = BilinearHRModule
            for i, row in enumerate(module.fuse_layers):
                for layer in row[i + 1:]:
                    layer[-1] = nn.Identity()
        return stage
