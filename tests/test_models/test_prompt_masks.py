import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmboxcaseg.models.prompt_masks import PromptMasks

WINDOWS = np.array([(2, 3, 33, 34), (0, 0, 50, 40), (40, 10, 41, 16)])


@pytest.mark.parametrize('view', [(0, 0, 50, 40), (0, 0, 50, 50)])
def test_masks_are_cut_from_the_whole_image(view):
    logits = torch.randn(3, 16, 16)
    masks = PromptMasks(logits, torch.rand(3), view, WINDOWS)
    assert len(masks) == len(list(masks)) == 3
    whole = F.interpolate(
        logits[None], (view[3], view[2]), mode='bilinear')[0].numpy()
    for i, (x0, y0, x1, y1) in enumerate(WINDOWS):
        expected = whole[i, y0:y1, x0:x1]
        prob = masks.probability(i)
        np.testing.assert_allclose(
            prob, torch.from_numpy(expected).sigmoid(), atol=1e-6)
        wrong = masks[i] != (expected > 0)
        assert masks[i].shape == expected.shape
        assert (np.abs(expected[wrong]) < 1e-5).all()


def test_predicted_ious():
    masks = PromptMasks(
        torch.zeros(3, 4, 4), torch.tensor([1.5, 0, 0.5]), (0, 0, 50, 40),
        WINDOWS)
    assert masks.expected_ious == [1.5, 0, 0.5]


@pytest.mark.filterwarnings('error')
def test_large_logits():
    masks = PromptMasks(
        torch.tensor([-1e4, 1e4]).reshape(2, 1, 1).expand(2, 4, 4),
        torch.ones(2), (0, 0, 50, 40), WINDOWS[:2])
    assert masks.probability(0).max() < 1e-20
    assert masks.probability(1).min() == 1
