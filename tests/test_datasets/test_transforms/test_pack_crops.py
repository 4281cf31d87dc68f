import numpy as np
import pytest
import torch
from crop_items import HEIGHT, SIZE, WIDTH, make_item, random_boxes

from mmboxcaseg.datasets.transforms import CropBoxes, PackCrops


def test_pack_box_crops(rng):
    boxes = random_boxes(rng, 3).tolist()
    results = CropBoxes(SIZE, flip_prob=1)(make_item(boxes))
    packed = PackCrops()(results)
    assert packed['inputs'].dtype == torch.uint8
    assert packed['inputs'].is_contiguous()
    np.testing.assert_array_equal(packed['inputs'].permute(0, 2, 3, 1),
                                  results['crops'])
    gt = packed['data_samples'].gt_instances
    np.testing.assert_array_equal(gt.bboxes, results['gt_bboxes'])
    np.testing.assert_array_equal(gt.windows, results['windows'])
    assert gt.labels.tolist() == [0, 1, 2]
    assert gt.ann_ids.tolist() == [10, 11, 12]
    assert gt.areas.tolist() == [0, 7, 14]
    assert gt.areas.dtype == np.float64
    # A box crop may not learn from a mask, even where the file has one.
    assert 'masks' not in gt
    sample = packed['data_samples']
    assert (sample.img_id, sample.img_path) == (5, 'a.png')
    assert sample.ori_shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize('num_with, expected', [(2, True), (1, False)])
def test_pack_segmentations_if_all_have_one(num_with, expected):
    item = make_item([[1, 2, 30, 40], [5, 5, 9, 9]])
    polygon = [[1, 1, 9, 1, 9, 9]]
    for instance in item['instances'][:num_with]:
        instance['segmentation'] = polygon
    packed = PackCrops()(CropBoxes(SIZE)(item))
    gt = packed['data_samples'].gt_instances
    assert ('segmentations' in gt) == expected
    if expected:
        assert gt.segmentations == [polygon, polygon]


def test_pack_salient_crop(rng):
    img = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    seg_map = np.zeros((SIZE, SIZE), dtype=np.uint8)
    seg_map[20:30, 40:70] = 128
    seg_map[10:15, 10:15] = 127
    packed = PackCrops()(dict(img=img, gt_seg_map=seg_map, img_id='one'))
    assert packed['inputs'].shape == (1, 3, SIZE, SIZE)
    np.testing.assert_array_equal(packed['inputs'][0].permute(1, 2, 0), img)
    gt = packed['data_samples'].gt_instances
    assert gt.bboxes.tolist() == [[40, 20, 70, 30]]
    assert gt.masks.dtype == torch.bool
    np.testing.assert_array_equal(gt.masks, (seg_map == 128)[None])
    assert packed['data_samples'].img_id == 'one'


def slow_box_map(box) -> np.ndarray:
    """The pixels whose centres are inside the box, one by one."""
    x0, y0, x1, y1 = box
    return np.array([[
        255 * (x0 <= x + .5 < x1 and y0 <= y + .5 < y1) for x in range(SIZE)
    ] for y in range(SIZE)])


# The box is its first crop, and inside the second; or it is cut by both.
@pytest.mark.parametrize('scale, inside', [(1, 1 / 1.5**2), (0.5, 1)])
def test_box_map_of_boxes(scale, inside):
    item = make_item([[20, 30, 60, 70], [90.2, 80, 119.5, 99]])
    results = CropBoxes(
        SIZE,
        scale=(scale, scale),
        centred=True,
        margins=(0, 0.25),
        flip_prob=0)(
            dict(item))
    packed = PackCrops(box_map=True)(results)['inputs']
    assert packed.shape == (4, 4, SIZE, SIZE)
    assert packed.dtype == torch.uint8
    plain = PackCrops()(results)['inputs']
    assert torch.equal(packed[:, :3], plain)
    for i, (box, views) in enumerate(
            zip(item['instances'], results['views'].tolist())):
        for k, (x0, y0, x1, y1) in enumerate(views):
            corner, extent = [x0, y0] * 2, [x1 - x0, y1 - y0] * 2
            box_in_crop = [(v - low) * SIZE / size
                           for v, low, size in zip(box['bbox'], corner, extent)
                           ]
            np.testing.assert_array_equal(packed[2 * i + k, 3],
                                          slow_box_map(box_in_crop))
    shares = packed[:2, 3].float().mean((1, 2)) / 255
    assert shares[0] == 1
    assert abs(shares[1] - inside) < 0.02


def test_box_map_is_flipped():
    item = make_item([[20, 30, 60, 70]])
    plain, flipped = (
        PackCrops(box_map=True)(CropBoxes(
            SIZE, shift=(.2, .2), scale=(1.5, 1.5),
            flip_prob=p)(dict(item)))['inputs'] for p in (0, 1))
    assert torch.equal(flipped, plain.flip(3))
    assert not torch.equal(flipped[:, 3], plain[:, 3])


def test_box_map_of_a_mask(rng):
    img = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    seg_map = np.zeros((SIZE, SIZE), dtype=np.uint8)
    seg_map[20:30, 40:70] = 255
    packed = PackCrops(box_map=True)(dict(img=img, gt_seg_map=seg_map))
    np.testing.assert_array_equal(packed['inputs'][0, 3], seg_map)
