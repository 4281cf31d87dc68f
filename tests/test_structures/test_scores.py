import numpy as np

from mmboxcaseg.structures import is_kept


def test_empty_masks_are_never_kept():
    scores = np.array([0, 0.01, 0.949999, 0.95, 1])
    assert is_kept(scores, 0).tolist() == [False, True, True, True, True]
    assert is_kept(scores, 0.95).tolist() == [False, False, False, True, True]


def test_single_scores():
    assert is_kept(0.95, 0.95) and not is_kept(0.949, 0.95)
    assert not is_kept(0, 0) and is_kept(1e-6, 0)
