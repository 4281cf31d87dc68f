from typing import Union

import torch
from mmengine.model import ImgDataPreprocessor

from mmboxcaseg.registry import MODELS


@MODELS.register_module()
class CropPreprocessor(ImgDataPreprocessor):
    """Join the crops of all items in one batch and normalise them.

    Args:
        kwargs: Arguments of :class:`mmengine.model.ImgDataPreprocessor`
            (``mean``, ``std``, ``bgr_to_rgb``, ...).
    """

    def forward(self, data: dict, training: bool = False) -> Union[dict, list]:
        """Make one batch.

        Args:
            data (dict): ``inputs`` is a list of uint8 tensors, each has
                shape (n_i, 3, S, S); ``data_samples`` a list as long.
            training (bool): Not used here.

        Returns:
            dict: ``inputs`` of shape (sum n_i, 3, S, S), float32, and
            ``data_samples``.
        """
        data = dict(data, inputs=torch.cat(list(data['inputs'])))
        data = super().forward(data, training)
        # Convolutions follow their input's layout; this one is the faster
        # on CPUs (1.3 times) and under AMP.
        data['inputs'] = data['inputs'].contiguous(
            memory_format=torch.channels_last)
        return data
