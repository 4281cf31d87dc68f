import numpy as np
import pytest

from mmboxcaseg.structures import expected_iou, is_kept


def test_empty_masks_are_never_kept():
    scores = np.array([0, 0.01, 0.949999, 0.95, 1])
    assert is_kept(scores, 0).tolist() == [False, True, True, True, True]
    assert is_kept(scores, 0.95).tolist() == [False, False, False, True, True]


def test_single_scores():
    assert is_kept(0.95, 0.95) and not is_kept(0.949, 0.95)
    assert not is_kept(0, 0) and is_kept(1e-6, 0)


def slow_expected_iou(mask: np.ndarray, prob: np.ndarray) -> float:
    """The formula of :func:`expected_iou`, pixel by pixel."""
    inside = outside = 0.
    for is_mask, p in zip(mask.ravel(), prob.ravel()):
        if is_mask:
            inside += float(p)
        else:
            outside += float(p)
    return inside / (mask.sum() + outside)


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize('shape', [(1, 1), (7, 1), (31, 47)])
def test_expected_iou(rng, shape, dtype):
    prob = rng.random(shape).astype(dtype)
    mask = prob > 0.3
    mask.flat[0] = True
    assert expected_iou(mask, prob) == pytest.approx(
        slow_expected_iou(mask, prob), abs=1e-12)
    # A part of a larger array, as merging gives it
    assert expected_iou(mask[::2, ::-1], prob[::2, ::-1]) == pytest.approx(
        slow_expected_iou(mask[::2], prob[::2]), abs=1e-12)


def test_expected_iou_of_sure_maps():
    mask = np.tri(5, 8, dtype=bool)
    assert expected_iou(mask, mask.astype(np.float32)) == 1
    assert expected_iou(mask, 1 - mask.astype(np.float32)) == 0
    assert expected_iou(mask & False, mask.astype(np.float32)) == 0
