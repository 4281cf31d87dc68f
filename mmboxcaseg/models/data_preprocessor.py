from typing import Union

import torch
from mmengine.model import ImgDataPreprocessor

from mmboxcaseg.registry import MODELS


@MODELS.register_module()
class CropPreprocessor(ImgDataPreprocessor):
    """Concatenates the crops of all items to one batch and normalises them.

    Args:
        kwargs: ``mean``, ``std``, ``bgr_to_rgb`` and other arguments of
            :class:`mmengine.model.ImgDataPreprocessor`.
    """

    def forward(self, data: dict, training: bool = False) -> Union[dict, list]:
        """Collate a batch.

        Args:
            data (dict): ``inputs``, a list of tensors (n_i, 3, S, S), uint8
                or float32 in [0, 255], and ``data_samples``.
            training (bool): Not used.

        Returns:
            dict: ``inputs`` of shape (sum n_i, 3, S, S), float32, and
            ``data_samples``.
        """
        data = dict(data, inputs=torch.cat(list(data['inputs'])))
        data = super().forward(data, training)
        # Convolutions keep this memory layout, which is faster on CPUs (1.3
        # times) and under AMP.
        data['inputs'] = data['inputs'].contiguous(
            memory_format=torch.channels_last)
        return data
