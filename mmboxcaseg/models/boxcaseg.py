"""The labeller.

Letters in shapes: N crops of a batch, C feature channels, S side of a crop.
"""
from typing import Dict, Optional, Sequence, Union

import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn import functional as F

from mmboxcaseg import InputError
from mmboxcaseg.registry import MODELS
from .map_masks import MapMasks, views_of


@MODELS.register_module()
class BoxCaseg(BaseModel):
    """Box-supervised class-agnostic segmentation (sections 3.1 to 3.3).

    A backbone and a neck feed three heads. The weak head learns from boxes
    (multiple-instance loss, all crops). The salient head and the
    transferred head, whose weights are predicted from the weak head's, are
    fused and learn from masks (pixel loss, crops that have a mask).

    Args:
        backbone (dict): Config of the backbone.
        neck (dict): Config of the neck that joins its maps.
        channels (int): Channels C of the joined map.
        heads (Sequence[str]): Which heads there are, see ``HEADS``; each row
            of Table 4 is a choice of these. A fused map of one head is that
            head's. Defaults to all.
        loss_mil (dict): Config of the multiple-instance loss.
        loss_pairwise (dict): Config of the smoothness loss.
        loss_pixel (dict): Config of the pixel loss; it also sets alpha.
        test_cfg (dict): ``output``: which map becomes the mask, 'fused' or
            the name of a head (default: 'fused', or 'weak' if that is the
            only head); ``chunk``: crops in one forward pass; ``flip``:
            whether to average the maps of a crop and of its mirror image;
            ``threshold`` and ``min_max``: see :func:`binarize_maps`.
        data_preprocessor (dict, optional): Config of the preprocessor.
        init_cfg (dict, optional): Initialization config.

    Raises:
        InputError: ``heads`` or ``test_cfg.output`` names no head, or the
            weak head is missing, from which another is transferred.
    """

    HEADS = ('weak', 'salient', 'transferred')

    def __init__(self,
                 backbone: dict,
                 neck: dict = dict(type='mmboxcaseg.ResizeConcat'),
                 channels: int = 720,
                 heads: Sequence[str] = HEADS,
                 loss_mil: dict = dict(type='mmboxcaseg.MILLoss'),
                 loss_pairwise: dict = dict(type='mmboxcaseg.PairwiseLoss'),
                 loss_pixel: dict = dict(type='mmboxcaseg.FusedBCELoss'),
                 test_cfg: dict = dict(),
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck)
        self._check_heads(heads)
        head = dict(type='mmboxcaseg.SegmentationHead', channels=channels)
        if 'weak' in heads:
            self.weak_head = MODELS.build(head)
            self.loss_mil = MODELS.build(loss_mil)
            self.loss_pairwise = MODELS.build(loss_pairwise)
        if 'salient' in heads:
            self.salient_head = MODELS.build(head)
        if 'transferred' in heads:
            self.transferred_head = MODELS.build(
                dict(type='mmboxcaseg.TransferredHead', channels=channels))
        self.loss_pixel = MODELS.build(loss_pixel)
        self.heads = tuple(name for name in self.HEADS if name in heads)
        outputs = self.heads
        if self.heads != ('weak', ):
            outputs = ('fused', ) + outputs
        self.test_cfg = dict(
            output=outputs[0],
            chunk=16,
            flip=False,
            threshold=0.5,
            min_max=True)
        self.test_cfg.update(test_cfg)
        if self.test_cfg['output'] not in outputs:
            raise InputError(f'test_cfg.output={self.test_cfg["output"]!r} '
                             f'must be one of {outputs}.')

    def _check_heads(self, heads: Sequence[str]) -> None:
        if not heads or not set(heads) <= set(self.HEADS):
            raise InputError(f'heads={heads!r} must be some of {self.HEADS}.')
        if 'transferred' in heads and 'weak' not in heads:
            raise InputError(f'heads={heads!r}: the transferred head takes '
                             "its weights from the weak one; add 'weak'.")

    def init_weights(self) -> None:
        """Initialize all weights, those of the backbone from a file.

        Raises:
            RuntimeError: The file cannot be had; says what to do.
        """
        try:
            super().init_weights()
        except OSError as error:
            raise RuntimeError(
                f'cannot load the weights of init_cfg={self.backbone.init_cfg}'
                f': {error}. Set model.backbone.init_cfg.checkpoint to a file '
                'that you have, or model.backbone.init_cfg=None to start '
                'from random weights.') from error

    def forward(self,
                inputs: Tensor,
                data_samples: Optional[list] = None,
                mode: str = 'tensor') -> Union[Dict[str, Tensor], list]:
        """Run the network.

        Args:
            inputs (Tensor): Normalised crops, has shape (N, 3, S, S).
            data_samples (list[DetDataSample], optional): One an item; see
                :class:`PackCrops`.
            mode (str): 'tensor', 'loss' or 'predict'.

        Returns:
            dict | list: The logit maps, the losses, or the data samples with
            ``pred_instances.masks``, a list of window masks.
        """
        if mode == 'tensor':
            return self.logit_maps(inputs)
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        raise RuntimeError(f'mode {mode!r} is none of tensor, loss, predict')

    def logit_maps(self, inputs: Tensor) -> Dict[str, Tensor]:
        """Compute the maps of all heads.

        Args:
            inputs (Tensor): Normalised crops, has shape (N, 3, S, S).

        Returns:
            dict[str, Tensor]: Logits by head, each has shape (N, S, S),
            float32.
        """
        feats = self.neck(self.backbone(inputs))
        maps = dict()
        if 'weak' in self.heads:
            maps['weak'] = self.weak_head(feats)
        if 'salient' in self.heads:
            maps['salient'] = self.salient_head(feats)
        if 'transferred' in self.heads:
            maps['transferred'] = self.transferred_head(feats, self.weak_head)
        return {
            name:
            F.interpolate(logits.float(), inputs.shape[2:],
                          mode='bilinear').squeeze(1)
            for name, logits in maps.items()
        }

    def loss(self, inputs: Tensor, data_samples: list) -> Dict[str, Tensor]:
        """Compute the three losses of Eqs. (1) to (4).

        Args:
            inputs (Tensor): Normalised crops, has shape (N, 3, S, S).
            data_samples (list[DetDataSample]): Each with the true boxes of
                its crops, and their masks where they may be learnt.

        Returns:
            dict[str, Tensor]: ``loss_mil`` and ``loss_pairwise`` of the weak
            head, ``loss_pixel`` of the others, scalars.
        """
        maps = self.logit_maps(inputs)
        boxes, masks, has_mask = self._targets(data_samples, inputs)
        losses = dict()
        if 'weak' in maps:
            weak = maps.pop('weak')
            losses['loss_mil'] = self.loss_mil(weak, boxes, masks, has_mask)
            losses['loss_pairwise'] = self.loss_pairwise(weak)
        if maps:
            known = {name: logits[has_mask] for name, logits in maps.items()}
            losses['loss_pixel'] = self.loss_pixel(target=masks, **known)
        return losses

    @staticmethod
    def _targets(data_samples: list, inputs: Tensor) -> tuple:
        """Gather what the crops may learn from.

        Returns:
            tuple[Tensor]: Boxes in pixels of the crops (N, 4), the K known
            masks (K, S, S), and whose they are, bool (N, ).
        """
        all_gt = [sample.gt_instances for sample in data_samples]
        boxes = torch.cat([gt.bboxes for gt in all_gt])
        # An empty start: there may be no mask at all.
        masks = [inputs.new_zeros(0, *inputs.shape[2:])]
        masks += [gt.masks.to(inputs) for gt in all_gt if 'masks' in gt]
        has_mask = [['masks' in gt] * len(gt) for gt in all_gt]
        return boxes, torch.cat(masks), boxes.new_tensor(
            sum(has_mask, []), dtype=torch.bool)

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: list) -> list:
        """Segment the object of every crop.

        Args:
            inputs (Tensor): Normalised crops of all images, has shape
                (N, 3, S, S).
            data_samples (list[DetDataSample]): One per image, with
                ``gt_instances.windows`` of shape (n, 4) and optionally
                ``views``, see :func:`views_of`.

        Returns:
            list[DetDataSample]: With ``pred_instances.masks``, n boolean
            masks, each as large as its window, see :class:`MapMasks`.
        """
        all_gt = [sample.gt_instances for sample in data_samples]
        num_crops = [views_of(gt)[..., 0].size for gt in all_gt]
        all_maps = self.predict_maps(inputs).split(num_crops)
        cfg = self.test_cfg
        for sample, gt, maps in zip(data_samples, all_gt, all_maps):
            sample.pred_instances = InstanceData(
                masks=MapMasks(
                    maps,
                    gt,
                    threshold=cfg['threshold'],
                    min_max=cfg['min_max']))
        return data_samples

    def predict_maps(self, crops: Tensor) -> Tensor:
        """Predict the probability that a pixel belongs to the object.

        The crops go through the network in chunks of one fixed size; the
        last chunk is filled up with zeros. So the map of a crop does not
        depend on how many crops are in the batch.

        Args:
            crops (Tensor): Normalised crops, has shape (N, 3, S, S).

        Returns:
            Tensor: Foreground probabilities in [0, 1], has shape (N, S, S).
        """
        maps = []
        for chunk in crops.split(self.test_cfg['chunk']):
            maps.append(self._predict_chunk(chunk))
            if self.test_cfg['flip']:
                mirrored = self._predict_chunk(chunk.flip(3)).flip(2)
                maps[-1] = (maps[-1] + mirrored) / 2
        return torch.cat(maps)

    def _predict_chunk(self, crops: Tensor) -> Tensor:
        missing = self.test_cfg['chunk'] - len(crops)
        filled = torch.cat([crops, crops.new_zeros(missing, *crops.shape[1:])])
        maps = self.logit_maps(filled)
        if self.test_cfg['output'] == 'fused':
            logits = self.loss_pixel.fuse(
                maps.get('salient'), maps.get('transferred'))
        else:
            logits = maps[self.test_cfg['output']]
        return logits[:len(crops)].sigmoid()
