import pickle

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmboxcaseg.models.map_masks import MapMasks, views_of
from mmboxcaseg.structures import binarize_maps, window_map

WINDOWS = np.array([(2, 3, 22, 18), (0, 0, 9, 9), (5, 5, 6, 6)])
VIEWS = np.stack([WINDOWS, WINDOWS + [-2, -2, 2, 2]], axis=1)


def test_every_box_has_one_view_by_default():
    gt = InstanceData(windows=WINDOWS)
    np.testing.assert_array_equal(views_of(gt), WINDOWS[:, None])
    gt.views = VIEWS
    np.testing.assert_array_equal(views_of(gt), VIEWS)


@pytest.mark.parametrize('views', [None, VIEWS])
def test_masks(views):
    gt = InstanceData(windows=WINDOWS)
    if views is not None:
        gt.views = views
    num = 1 if views is None else 2
    maps = torch.rand(3 * num, 16, 16)
    masks = MapMasks(maps, gt, threshold=0.6, min_max=False)
    assert len(masks) == len(list(masks)) == 3
    for i, (mask, window) in enumerate(zip(masks, WINDOWS)):
        own = maps[i * num:(i + 1) * num].numpy()
        expected = binarize_maps(own, views_of(gt)[i], window, 0.6, False)
        np.testing.assert_array_equal(mask, expected)
        assert mask.shape == (window[3] - window[1], window[2] - window[0])
    copied = pickle.loads(pickle.dumps(masks))
    np.testing.assert_array_equal(copied[0], masks[0])


def test_no_boxes():
    gt = InstanceData(windows=np.zeros((0, 4), dtype=np.int64))
    assert not list(MapMasks(torch.zeros(0, 16, 16), gt))


@pytest.mark.parametrize('eight_bit', [False, True])
@pytest.mark.parametrize('min_max', [False, True])
def test_probabilities_are_not_stretched(min_max, eight_bit):
    gt = InstanceData(windows=WINDOWS, views=VIEWS)
    maps = torch.rand(6, 16, 16) / 2
    masks = MapMasks(maps, gt, min_max=min_max, eight_bit=eight_bit)
    for i, mask in enumerate(masks):
        prob, own = masks.probability(i), maps[2 * i:2 * i + 2].numpy()
        assert prob.shape == mask.shape and prob.max() <= 0.5
        np.testing.assert_array_equal(
            prob, window_map(own, VIEWS[i], WINDOWS[i], eight_bit=eight_bit))
        if not min_max:
            np.testing.assert_array_equal(mask, prob > 0.5)
