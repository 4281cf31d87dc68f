"""The labeller.

Letters in shapes: N crops of a batch, C feature channels, S side of a crop.
"""
from typing import Dict, List, Optional, Union

import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn import functional as F

from mmboxcaseg.registry import MODELS
from mmboxcaseg.structures import binarize_map


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
        loss_mil (dict): Config of the multiple-instance loss.
        loss_pairwise (dict): Config of the smoothness loss.
        loss_pixel (dict): Config of the pixel loss; it also sets alpha.
        test_cfg (dict): ``output``: which map becomes the mask, 'fused',
            'salient', 'transferred' or 'weak'; ``chunk``: crops in one
            forward pass; ``threshold`` and ``min_max``: see
            :func:`binarize_map`.
        data_preprocessor (dict, optional): Config of the preprocessor.
        init_cfg (dict, optional): Initialization config.

    Raises:
        ValueError: ``test_cfg.output`` names no map.
    """

    OUTPUTS = ('fused', 'weak', 'salient', 'transferred')

    def __init__(self,
                 backbone: dict,
                 neck: dict = dict(type='mmboxcaseg.ResizeConcat'),
                 channels: int = 720,
                 loss_mil: dict = dict(type='mmboxcaseg.MILLoss'),
                 loss_pairwise: dict = dict(type='mmboxcaseg.PairwiseLoss'),
                 loss_pixel: dict = dict(type='mmboxcaseg.FusedBCELoss'),
                 test_cfg: dict = dict(),
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck)
        head = dict(type='mmboxcaseg.SegmentationHead', channels=channels)
        self.weak_head = MODELS.build(head)
        self.salient_head = MODELS.build(head)
        self.transferred_head = MODELS.build(
            dict(type='mmboxcaseg.TransferredHead', channels=channels))
        self.loss_mil = MODELS.build(loss_mil)
        self.loss_pairwise = MODELS.build(loss_pairwise)
        self.loss_pixel = MODELS.build(loss_pixel)
        self.test_cfg = dict(
            output='fused', chunk=16, threshold=0.5, min_max=True)
        self.test_cfg.update(test_cfg)
        if self.test_cfg['output'] not in self.OUTPUTS:
            raise ValueError(f'test_cfg.output={self.test_cfg["output"]!r} '
                             f'must be one of {self.OUTPUTS}.')

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
            dict[str, Tensor]: Logits by head, 'weak', 'salient' and
            'transferred', each has shape (N, S, S), float32.
        """
        feats = self.neck(self.backbone(inputs))
        maps = dict(
            weak=self.weak_head(feats),
            salient=self.salient_head(feats),
            transferred=self.transferred_head(feats, self.weak_head))
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
            dict[str, Tensor]: ``loss_mil``, ``loss_pairwise``,
            ``loss_pixel``, scalars.
        """
        maps = self.logit_maps(inputs)
        target, has_mask = self._targets(data_samples, inputs)
        return dict(
            loss_mil=self.loss_mil(maps['weak'], target),
            loss_pairwise=self.loss_pairwise(maps['weak']),
            loss_pixel=self.loss_pixel(maps['salient'][has_mask],
                                       maps['transferred'][has_mask],
                                       target[has_mask]))

    @staticmethod
    def _targets(data_samples: list, inputs: Tensor) -> tuple:
        """Draw the true mask of every crop, or else its box.

        Returns:
            tuple[Tensor]: Targets (N, S, S) of 0 and 1, and which of them
            are true masks, bool (N, ).
        """
        size = inputs.shape[-1]
        # A pixel is in the box where its centre is.
        centres = torch.arange(size, device=inputs.device) + 0.5
        targets: List[Tensor] = []
        has_mask: List[bool] = []
        for sample in data_samples:
            gt = sample.gt_instances
            has_mask += ['masks' in gt] * len(gt)
            if 'masks' in gt:
                targets.append(gt.masks.to(inputs.dtype))
                continue
            x0, y0, x1, y1 = gt.bboxes[..., None].unbind(1)
            cols = (x0 <= centres) & (centres < x1)
            rows = (y0 <= centres) & (centres < y1)
            targets.append(
                (rows[:, :, None] & cols[:, None, :]).to(inputs.dtype))
        return torch.cat(targets), torch.tensor(has_mask, device=inputs.device)

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: list) -> list:
        """Segment the object of every crop.

        The crops go through the network in chunks of one fixed size, the
        last one filled up: so a mask does not depend on how many crops
        happen to share its batch.

        Args:
            inputs (Tensor): Normalised crops of all items, has shape
                (N, 3, S, S).
            data_samples (list[DetDataSample]): One an item, with
                ``gt_instances.windows`` of shape (n, 4).

        Returns:
            list[DetDataSample]: With ``pred_instances.masks``, a list of n
            boolean arrays, one a window.
        """
        cfg = self.test_cfg
        probs = torch.cat([
            self._chunk_probs(chunk) for chunk in inputs.split(cfg['chunk'])
        ]).cpu().numpy()
        start = 0
        for sample in data_samples:
            windows = sample.gt_instances.windows
            masks = [
                binarize_map(prob, window, cfg['threshold'], cfg['min_max'])
                for prob, window in zip(probs[start:], windows)
            ]
            sample.pred_instances = InstanceData(masks=masks)
            start += len(windows)
        return data_samples

    def _chunk_probs(self, crops: Tensor) -> Tensor:
        """Probabilities (n, S, S) of n crops, run as a chunk of full size."""
        missing = self.test_cfg['chunk'] - len(crops)
        filled = torch.cat([crops, crops.new_zeros(missing, *crops.shape[1:])])
        maps = self.logit_maps(filled)
        if self.test_cfg['output'] == 'fused':
            logits = self.loss_pixel.fuse(maps['salient'], maps['transferred'])
        else:
            logits = maps[self.test_cfg['output']]
        return logits[:len(crops)].sigmoid()
