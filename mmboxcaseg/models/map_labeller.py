"""Labellers that predict a foreground map for each crop.

Letters in shapes: N crops of a batch, S side of a crop.
"""
from abc import abstractmethod

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from .base_labeller import BaseLabeller
from .map_masks import MapMasks, views_of


class MapLabeller(BaseLabeller):
    """A labeller that turns crops into maps, and maps into masks.

    A subclass defines :meth:`foreground`. ``test_cfg`` has ``chunk``: crops
    per forward pass; ``flip``: whether to average the maps of a crop and its
    mirror image; ``threshold``, ``min_max``, ``eight_bit``: see
    :func:`binarize_maps`.
    """

    TEST_CFG = dict(
        chunk=16, flip=False, threshold=0.5, min_max=True, eight_bit=False)

    @property
    def chunk(self) -> int:
        """Crops per forward pass."""
        return self.test_cfg['chunk']

    @abstractmethod
    def foreground(self, crops: Tensor) -> Tensor:
        """Predict the foreground of one chunk.

        Args:
            crops (Tensor): Normalised crops, has shape (chunk, 3, S, S).

        Returns:
            Tensor: Probabilities, float32, has shape (chunk, S', S') with a
            side S' of the network.
        """

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: list) -> list:
        """Segment the object of every crop.

        Args:
            inputs (Tensor): Normalised crops of all images, (N, 3, S, S).
            data_samples (list[DetDataSample]): One per image, with
                ``gt_instances`` as in :func:`views_of`.

        Returns:
            list[DetDataSample]: With ``pred_instances.masks``, n boolean
            masks, each as large as its window, see :class:`MapMasks`.
        """
        all_gt = [sample.gt_instances for sample in data_samples]
        num_crops = [views_of(gt)[..., 0].size for gt in all_gt]
        all_maps = self.predict_maps(inputs).split(num_crops)
        keys = ('threshold', 'min_max', 'eight_bit')
        options = {key: self.test_cfg[key] for key in keys}
        for sample, gt, maps in zip(data_samples, all_gt, all_maps):
            masks = MapMasks(maps, gt, **options)
            sample.pred_instances = InstanceData(masks=masks)
        return data_samples

    def predict_maps(self, crops: Tensor) -> Tensor:
        """Predict the foreground.

        The crops go through the network in chunks of a fixed size; the last
        one is padded with zeros. Therefore the map of a crop does not depend
        on the number of crops in the batch.

        Args:
            crops (Tensor): Normalised crops, has shape (N, 3, S, S).

        Returns:
            Tensor: Probabilities, has shape (N, S', S'), see
            :meth:`foreground`.
        """
        maps = []
        for chunk in crops.split(self.chunk):
            maps.append(self._predict_chunk(chunk))
            if self.test_cfg['flip']:
                # The last axis is x: 3 in crops, 2 in maps.
                mirrored = self._predict_chunk(chunk.flip(3)).flip(2)
                maps[-1] = (maps[-1] + mirrored) / 2
        return torch.cat(maps)

    def _predict_chunk(self, crops: Tensor) -> Tensor:
        missing = self.chunk - len(crops)
        filled = torch.cat([crops, crops.new_zeros(missing, *crops.shape[1:])])
        return self.foreground(filled)[:len(crops)]
