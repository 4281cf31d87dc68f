import cv2
import numpy as np
import pytest
import torch
from crop_items import HEIGHT, SIZE, WIDTH, make_item, random_boxes

from mmboxcaseg.datasets import BoxCropDataset
from mmboxcaseg.datasets.transforms import (CropBoxes, CropSalientObject,
                                            PackCrops)
from mmboxcaseg.structures import tight_box


def paint(box) -> np.ndarray:
    img = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    x0, y0, x1, y1 = box
    img[y0:y1, x0:x1] = 255
    return img


@pytest.mark.parametrize('flip_prob', [0, 1])
def test_box_follows_what_the_crop_shows(rng, flip_prob):
    crop_boxes = CropBoxes(
        SIZE, shift=(-.25, .25), scale=(.5, 1.5), flip_prob=flip_prob)
    np.random.seed(0)
    inner = 0
    for box in random_boxes(rng, 100):
        results = crop_boxes(make_item([box.tolist()], paint(box)))
        shown = tight_box(results['crops'][0, :, :, 0] > 127)
        expected = results['gt_bboxes'][0].clip(0, SIZE)
        # half a pixel of rounding, and a little for resizing with uint8
        np.testing.assert_allclose(shown, expected, atol=0.6)
        inner += shown != (0, 0, SIZE, SIZE)
    assert inner > 50


def test_crop_of_the_box_itself(rng):
    box = [10.3, 20.6, 40.2, 61]
    results = CropBoxes(SIZE)(make_item([box]))
    assert results['windows'].tolist() == [[10, 20, 41, 61]]
    expected = cv2.resize(results['img'][20:61, 10:41], (SIZE, SIZE))
    np.testing.assert_array_equal(results['crops'], expected[None])
    scale = np.array([SIZE / 31, SIZE / 41] * 2)
    np.testing.assert_allclose(
        results['gt_bboxes'][0], (np.array(box) - [10, 20, 10, 20]) * scale,
        rtol=1e-6)
    assert results['gt_bboxes'].dtype == np.float32


def test_every_box_has_its_crop(rng):
    boxes = random_boxes(rng, 5).tolist()
    together = CropBoxes(SIZE)(make_item(boxes))
    assert together['crops'].shape == (5, SIZE, SIZE, 3)
    for i, box in enumerate(boxes):
        alone = CropBoxes(SIZE)(make_item([box]))
        for key in ('crops', 'windows', 'gt_bboxes'):
            np.testing.assert_array_equal(together[key][i], alone[key][0])


def test_flip_mirrors_crop_and_box(rng):
    boxes = random_boxes(rng, 3).tolist()
    plain = CropBoxes(SIZE)(make_item(boxes))
    flipped = CropBoxes(SIZE, flip_prob=1)(make_item(boxes))
    np.testing.assert_array_equal(flipped['crops'], plain['crops'][:, :, ::-1])
    x0, y0, x1, y1 = plain['gt_bboxes'].T
    np.testing.assert_array_equal(
        flipped['gt_bboxes'], np.stack([SIZE - x1, y0, SIZE - x0, y1], axis=1))
    np.testing.assert_array_equal(flipped['windows'], plain['windows'])


def test_margins_show_more():
    item = make_item([[20, 30, 60, 70], [90.2, 80, 119.5, 99]])
    results = PackCrops()(CropBoxes(SIZE, margins=(0, 0.25))(dict(item)))
    gt = results['data_samples'].gt_instances
    assert gt.windows.tolist() == [[20, 30, 60, 70], [90, 80, 120, 99]]
    # The last one is clipped at the image's border.
    assert gt.views.tolist() == [[[20, 30, 60, 70], [10, 20, 70, 80]],
                                 [[90, 80, 120, 99], [82, 75, 120, 100]]]
    shown = make_item(gt.views.reshape(-1, 4).tolist(), item['img'])
    plain = PackCrops()(CropBoxes(SIZE)(shown))
    assert torch.equal(results['inputs'], plain['inputs'])
    assert 'views' not in plain['data_samples'].gt_instances


@pytest.mark.parametrize(
    'box, window, view, options',
    [
        # Without `truncate` of the authors, a view holds its window anyway.
        ([10, 10, 13, 13], [10, 10, 13, 13], [9, 9, 13, 13],
         dict(truncate=True, margins=(.15, ))),
        ([-3, 5, .5, 25], [0, 5, 1, 25], [0, 4, 1, 26],
         dict(truncate=True, margins=(.05, ))),
        # Jittered out of the image.
        ([-90, 5, 10, 30], [0, 5, 10, 30], [0, 0, 10, 30],
         dict(shift=(-.25, -.25), scale=(.5, .5), margins=(.15, ))),
    ])
def test_view_holds_its_window(box, window, view, options):
    results = CropBoxes(SIZE, **options)(make_item([box]))
    assert results['windows'].tolist() == [window]
    assert results['views'].tolist() == [[view]]


@pytest.mark.parametrize('margins', [0.25, (), [-.1], ['a'], [float('nan')]])
def test_wrong_margins(margins):
    with pytest.raises(ValueError, match=r'margins=.*list.*such as \[0.25\]'):
        CropBoxes(SIZE, margins=margins)


def test_windows_are_jittered_within_their_ranges():
    # The window of [40, 60) x [40, 60) with shift -5..5, scale 10..30 px.
    crop_boxes = CropBoxes(SIZE, shift=(-.25, .25), scale=(.5, 1.5))
    np.random.seed(0)
    item = make_item([[40, 40, 60, 60]] * 300)
    x0, y0, x1, y1 = crop_boxes(item)['windows'].T
    for low, high in ((x0, x1), (y0, y1)):
        assert (low.min(), low.max()) == (35, 44)
        assert 10 <= (high - low).min() <= 11
        assert 30 <= (high - low).max() <= 31
    # x and y are drawn apart.
    assert (x0 != y0).any() and (x1 - x0 != y1 - y0).any()


def test_variant_of_the_release(rng):
    item = make_item([[40, 40, 60, 60]] * 300)
    np.random.seed(0)
    crop_boxes = CropBoxes(
        SIZE, shift=(-.25, .25), scale=(.5, 1.5), centred=True, truncate=True)
    x0, _, x1, _ = crop_boxes(item)['windows'].T
    # Centres of 47.5 to 52.5, half sizes of 5 to 15; fractions are dropped.
    # (A corner that moves would stay within 35 and 45.)
    assert 32 <= x0.min() <= 34 and 46 <= x0.max() <= 47
    assert 52 <= x1.min() <= 54 and 65 <= x1.max() <= 67
    plain = make_item([[10.7, 20.9, 40.2, 61.8]])
    assert CropBoxes(
        SIZE, truncate=True)(plain)['windows'].tolist() == [[10, 20, 39, 60]]


@pytest.mark.parametrize('box, shift', [
    ([-90, 5, 10, 30], -.25),
    ([WIDTH - 2, 5, WIDTH + 90, 30], .25),
])
def test_jitter_that_leaves_the_image_is_not_made(box, shift):
    crop_boxes = CropBoxes(SIZE, shift=(shift, shift), scale=(.5, .5))
    results = crop_boxes(make_item([box, [10, 10, 50, 50]]))
    low, high = max(box[0], 0), min(box[2], WIDTH)
    windows = results['windows'].tolist()
    assert windows[0] == [low, 5, high, 30]
    assert windows[1][0] == 10 + shift * 40


@pytest.mark.parametrize('shape', [(HEIGHT, WIDTH - 1), (WIDTH, HEIGHT)])
def test_wrong_image_size(shape):
    item = make_item([[1, 2, 30, 40]], np.zeros((*shape, 3), dtype=np.uint8))
    with pytest.raises(ValueError) as error:
        CropBoxes(SIZE)(item)
    message = str(error.value)
    assert f'a.png has {shape[1]}x{shape[0]} pixels' in message
    assert f'says {WIDTH}x{HEIGHT}' in message


def test_from_file_to_sample(tiny_coco):

    def load(results):
        results['img'] = cv2.imread(results['img_path'])
        return results

    pipeline = [load, CropBoxes(24), PackCrops()]
    dataset = BoxCropDataset(**tiny_coco(), per_image=True, pipeline=pipeline)
    assert [len(item['inputs']) for item in dataset] == [1, 1, 2]
    gt = dataset[2]['data_samples'].gt_instances
    assert gt.ann_ids.tolist() == [5, 11]
    assert gt.windows.tolist() == [[2, 3, 33, 34], [5, 6, 25, 21]]


def test_salient_object_is_cut_as_a_box(rng):
    """With the same draws both show the same part of the image."""
    for seed, box in enumerate(random_boxes(rng, 30)):
        img, seg_map = paint(box), paint(box)[:, :, 0]
        np.random.seed(seed)
        salient = CropSalientObject(SIZE)(
            dict(img=img, gt_seg_map=seg_map.copy()))
        np.random.seed(seed)
        boxes = CropBoxes(SIZE, (-.25, .25), (.5, 1.5))
        results = boxes(make_item([box.tolist()], img))
        np.testing.assert_array_equal(salient['img'], results['crops'][0])
        assert salient['gt_seg_map'].shape == (SIZE, SIZE)
        differ = (salient['gt_seg_map'] > 127) != (
            salient['img'][..., 0] > 127)
        assert differ.mean() < 0.05
        assert set(np.unique(salient['gt_seg_map'])) <= {0, 255}


def test_salient_image_without_object():
    img = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    results = CropSalientObject(SIZE, (0, 0), (1, 1))(
        dict(img=img, gt_seg_map=img[..., 0]))
    assert results['img'].shape == (SIZE, SIZE, 3)
    assert not results['gt_seg_map'].any()
