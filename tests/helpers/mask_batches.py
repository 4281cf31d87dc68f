"""Ground truth and matched samples for the tests of mask heads."""
from typing import List, Tuple

import numpy as np
import torch
from mmdet.models.task_modules import (AssignResult, PseudoSampler,
                                       SamplingResult)
from mmengine.structures import InstanceData

from mmboxcaseg.structures.window_masks import WindowMasks

SIZE = 32
NUM_CLASSES = 3
# For each sample of an image, the object it is matched to: 1, 2, 3, or 0 for
# none.
MATCHES = [[1, 2, 2, 0, 1], [3, 0, 1, 2, 3, 3]]
NUM_POSITIVE = 9


def make_image(rng: np.random.Generator,
               matches: List[int]) -> Tuple[InstanceData, SamplingResult]:
    """Three objects, and one sample per match.

    Args:
        rng (np.random.Generator): For boxes and masks.
        matches (list[int]): See ``MATCHES``.

    Returns:
        tuple: Ground truth without ``mask_weights``, and the sampling result.
    """
    corners = torch.from_numpy(rng.uniform(0, 20, (len(matches) + 3, 2)))
    sizes = torch.from_numpy(rng.uniform(5, 12, corners.shape))
    boxes = torch.cat([corners, corners + sizes], dim=1).float()
    parts = list(rng.integers(0, 2, (3, SIZE, SIZE)).astype(np.uint8))
    gt = InstanceData(
        bboxes=boxes[:3],
        labels=torch.tensor([2, 0, 1]),
        masks=WindowMasks(parts, [[0, 0, SIZE, SIZE]] * 3, [1] * 3, SIZE,
                          SIZE))
    inds = torch.tensor(matches)
    labels = torch.where(inds > 0, gt.labels[inds - 1], -1)
    assigned = AssignResult(3, inds, (inds > 0).float(), labels=labels)
    sampled = PseudoSampler().sample(assigned, InstanceData(priors=boxes[3:]),
                                     gt)
    return gt, sampled


def make_batch(
    rng: np.random.Generator,
    matches: List[List[int]] = MATCHES
) -> Tuple[List[InstanceData], List[SamplingResult]]:
    """Ground truths and sampling results of a batch."""
    pairs = [make_image(rng, match) for match in matches]
    return [gt for gt, _ in pairs], [sampled for _, sampled in pairs]


def set_weights(gts: List[InstanceData], weights: List[list]) -> None:
    """Set the mask weight of every object."""
    for gt, values in zip(gts, weights):
        gt.mask_weights = torch.tensor(values, dtype=torch.float32)


def positives(matches: List[List[int]] = MATCHES) -> List[Tuple[int, int]]:
    """Image and object of every positive sample, in order."""
    return [(image, match - 1) for image, numbers in enumerate(matches)
            for match in numbers if match]
