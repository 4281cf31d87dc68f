import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData

from mmboxcaseg.structures.window_masks import WindowMasks

side = st.integers(1, 60)
seeds = st.integers(0, 10**6)


def make_masks(num_masks: int, height: int, width: int,
               rng: np.random.Generator) -> WindowMasks:
    """Random masks with random weights in random windows."""
    low = rng.integers(0, (width, height), (num_masks, 2))
    high = rng.integers(low, (width, height)) + 1
    parts = [(rng.random((h, w)) < 0.7).astype(np.uint8)
             for w, h in high - low]
    return WindowMasks(parts, np.concatenate([low, high], axis=1),
                       rng.random(num_masks), height, width)


def make_pair(seed: int, height: int, width: int) -> tuple:
    """The same random masks in windows and as stock bitmaps."""
    rng = np.random.default_rng(seed)
    ours = make_masks(int(rng.integers(0, 4)), height, width, rng)
    return ours, BitmapMasks(ours.to_ndarray(), height, width)


def assert_same(ours: WindowMasks, stock: BitmapMasks) -> None:
    assert (ours.height, ours.width) == (stock.height, stock.width)
    np.testing.assert_array_equal(ours.to_ndarray(), stock.to_ndarray())


@given(seeds, side, side, side, side)
def test_resize_as_opencv(seed, height, width, new_height, new_width):
    ours, stock = make_pair(seed, height, width)
    shape = (new_height, new_width)
    assert_same(ours.resize(shape), stock.resize(shape))


@given(seeds, side, side, st.floats(0.5, 3))
def test_rescale_as_mmcv(seed, height, width, scale):
    ours, stock = make_pair(seed, height, width)
    assert_same(ours.rescale(scale), stock.rescale(scale))


@given(seeds, side, side,
       st.sampled_from(['horizontal', 'vertical', 'diagonal']))
def test_flip(seed, height, width, direction):
    ours, stock = make_pair(seed, height, width)
    assert_same(ours.flip(direction), stock.flip(direction))


@given(seeds, side, side, st.integers(0, 9), st.integers(0, 9))
def test_pad_and_expand(seed, height, width, down, right):
    ours, stock = make_pair(seed, height, width)
    shape = (height + down, width + right)
    assert_same(ours.pad(shape), stock.pad(shape))
    args = (*shape, down // 2, right)
    assert_same(ours.expand(*args), stock.expand(*args))


@given(seeds, side, side, st.data())
def test_crop(seed, height, width, data):
    ours, stock = make_pair(seed, height, width)
    x0 = data.draw(st.integers(0, width - 1))
    y0 = data.draw(st.integers(0, height - 1))
    # It may reach beyond the image.
    box = np.array([x0, y0, x0 + data.draw(side), y0 + data.draw(side)])
    assert_same(ours.crop(box), stock.crop(box))


@given(seeds, side, side, st.integers(-30, 30), st.integers(-30, 30))
def test_translate(seed, height, width, right, down):
    ours, stock = make_pair(seed, height, width)
    shape = (height, width)
    for offset, direction in ((right, 'horizontal'), (down, 'vertical'),
                              ((right, down), 'both')):
        assert_same(
            ours.translate(shape, offset, direction),
            stock.translate(shape, offset, direction))


def test_translate_keeps_what_comes_into_view():
    # Stock bitmaps are cut to the new shape before they are moved.
    masks = WindowMasks([np.ones((2, 3), np.uint8)], [[8, 1, 11, 3]], [1], 5,
                        12)
    moved = masks.translate((5, 6), -6)
    assert moved.windows.tolist() == [[2, 1, 5, 3]]
    assert moved.areas.tolist() == [6]


@pytest.mark.parametrize('name, args', [
    ('rotate', (30., )),
    ('rotate', (90., (20., 15.), 1.3)),
    ('shear', (0.3, 'horizontal')),
    ('shear', (-0.2, 'vertical')),
])
def test_warps(name, args):
    ours, stock = make_pair(8, 40, 50)
    assert len(ours)
    ours = getattr(ours, name)((40, 50), *args)
    assert_same(ours, getattr(stock, name)((40, 50), *args))
    assert (ours.windows[:, 2:] - ours.windows[:, :2]).min() < 40


@given(seeds, st.integers(8, 60), st.integers(8, 60))
def test_mask_targets_are_those_of_bitmaps(seed, height, width):
    ours, stock = make_pair(seed, height, width)
    rng = np.random.default_rng(seed)
    number = 6 if len(ours) else 0
    low = rng.uniform(0, (width, height), (number, 2))
    boxes = np.concatenate([low, rng.uniform(low, (width, height))], axis=1)
    boxes[:2] = boxes[:2].round()  # true boxes are proposals, too
    args = (boxes.astype(np.float32), (7, 5),
            rng.integers(0, max(len(ours), 1), number))
    soft = [
        masks.crop_and_resize(*args, binarize=False).to_ndarray()
        for masks in (ours, stock)
    ]
    np.testing.assert_allclose(*soft, atol=1e-3)
    hard = [
        masks.crop_and_resize(*args).to_ndarray() for masks in (ours, stock)
    ]
    differ = hard[0] != hard[1]
    # A box is moved to the window's corner: float32 rounds otherwise.
    np.testing.assert_allclose(soft[1][differ], 0.5, atol=1e-3)


@given(seeds, side, side)
def test_decoding(seed, height, width):
    ours, stock = make_pair(seed, height, width)
    for dtype in (torch.bool, torch.float32):
        assert torch.equal(
            ours.to_tensor(dtype, 'cpu'), stock.to_tensor(dtype, 'cpu'))
    assert list(map(np.sum, ours)) == stock.areas.tolist()


def test_area_and_box_are_those_of_the_mask_if_it_is_trusted():
    part = np.zeros((4, 6), dtype=np.uint8)
    part[1:3, 2:5] = 1
    window = [10, 20, 16, 24]
    masks = WindowMasks([part] * 4, [window] * 4, [1, 0.99, 0, 1], 30, 30)
    masks.parts[3] = np.zeros_like(part)
    assert masks.areas.tolist() == [6, 24, 24, 0]
    boxes = masks.get_bboxes()
    assert isinstance(boxes, HorizontalBoxes)
    assert boxes.tensor.tolist()[:3] == [[12, 21, 15, 23], window, window]
    assert boxes.areas[3] == 0


def test_selecting_and_concatenating(rng):
    masks = make_masks(5, 20, 30, rng)
    for index in (3, [4, 1], np.array([True, False] * 2 + [True]), slice(1, 4),
                  torch.tensor([2, 2])):
        picked = masks[index]
        expected = np.atleast_1d(np.arange(5)[index])
        np.testing.assert_array_equal(picked.weights, masks.weights[expected])
        np.testing.assert_array_equal(picked.to_ndarray(),
                                      masks.to_ndarray()[expected])
    both = masks.cat([masks[:2], masks[2:]])
    assert_same(both, BitmapMasks(masks.to_ndarray(), 20, 30))
    np.testing.assert_array_equal(both.weights, masks.weights)


def test_as_part_of_instance_data(rng):
    gt = InstanceData(labels=torch.arange(4), masks=make_masks(4, 9, 9, rng))
    part = gt[torch.tensor([False, True, True, False])]
    np.testing.assert_array_equal(part.masks.weights, gt.masks.weights[1:3])
    both = InstanceData.cat([part, gt])
    assert len(both.masks) == 6
    with pytest.raises(AssertionError):
        gt.masks = gt.masks[:2]


def test_concatenating_other_masks_or_sizes(rng):
    masks = make_masks(2, 9, 9, rng)
    for other in (masks.pad((9, 10)), BitmapMasks([], 9, 9)):
        with pytest.raises(ValueError, match='cannot concatenate'):
            masks.cat([masks, other])
    with pytest.raises(ValueError, match='cannot concatenate'):
        masks.cat([])


def test_what_cannot_be_kept_is_refused(rng):
    masks = make_masks(2, 9, 9, rng)
    with pytest.raises(TypeError, match='ProxyCopyPaste'):
        masks.masks
    with pytest.raises(ValueError, match='background'):
        masks.pad((10, 10), pad_val=1)
    with pytest.raises(ValueError, match='background'):
        masks.translate((9, 9), 1, border_value=255)
    with pytest.raises(ValueError, match='background'):
        masks.rotate((9, 9), 30, None, 1, 255)
    with pytest.raises(ValueError, match='background'):
        masks.shear((9, 9), 0.2, border_value=1)
    with pytest.raises(ValueError, match='nearest'):
        masks.resize((4, 4), interpolation='bilinear')


def test_a_large_image_with_many_objects_stays_small(rng):
    corners = rng.integers(0, 2800, (300, 2))
    windows = np.concatenate([corners, corners + 150], axis=1)
    parts = [np.ones((150, 150), dtype=np.uint8)] * 300
    masks = WindowMasks(parts, windows, np.ones(300), 3000, 4000)
    half = masks.resize((1500, 2000)).flip().crop(np.array([0, 0, 900, 900]))
    # As bitmaps: 300 x 900 x 900 bytes.
    assert len(pickle.dumps(half)) < 300 * 900 * 900 / 100
