from typing import Sequence

import torch

from mmboxcaseg.registry import FUNCTIONS


@FUNCTIONS.register_module()
def collate_crops(items: Sequence[dict]) -> dict:
    """Concatenate the crops of images in the worker that loads them.

    Each tensor that a worker sends takes its own shared-memory file, so one
    tensor per batch saves time in the main process. It is for validation and
    labelling, where all crops have the same number of channels.

    Args:
        items (Sequence[dict]): Items of :class:`PackCrops`.

    Returns:
        dict: ``inputs``, a list of one tensor (N, 3 or 4, S, S) with the
        crops of all items, and ``data_samples``, a list of all samples.
    """
    crops = torch.cat([item['inputs'] for item in items])
    samples = [item['data_samples'] for item in items]
    return dict(inputs=[crops], data_samples=samples)
