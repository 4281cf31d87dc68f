import cv2
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets.transforms import RandomCrop, RandomFlip, Resize

from mmboxcaseg.datasets import ProxyCocoDataset
from mmboxcaseg.datasets.transforms import (LoadProxyAnnotations,
                                            PackProxyInputs)
from mmboxcaseg.structures import encode_window

SCORES = {11: 1, 5: 0.5, 8: 0.96, 3: 0}


def add_masks(data: dict) -> None:
    """Full masks; number 3's is empty, the crowd (number 9) has none."""
    sizes = {
        img['id']: (img['height'], img['width'])
        for img in data['images']
    }
    for ann in data['annotations']:
        if ann['iscrowd']:
            continue
        ann['bbox'] = [int(v) for v in ann['bbox']]
        x, y, w, h = ann['bbox']
        score = SCORES[ann['id']]
        ann['segmentation'] = encode_window(
            np.full((h, w), score > 0), (x, y, x + w, y + h),
            *sizes[ann['image_id']])
        ann.update(mask_score=score, mask_source='tiny@1234')


@pytest.fixture
def build(tiny_coco):
    """Builds the data set with transforms between loading and packing."""

    def build_dataset(*transforms) -> ProxyCocoDataset:
        pipeline = [
            LoadImageFromFile(),
            LoadProxyAnnotations(with_bbox=True, with_mask=True), *transforms,
            PackProxyInputs(
                meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape'))
        ]
        return ProxyCocoDataset(
            **tiny_coco(add_masks),
            metainfo=dict(classes=('cat', 'dog')),
            pipeline=pipeline)

    return build_dataset


def samples(dataset) -> dict:
    return {
        sample.img_id: sample
        for sample in (item['data_samples'] for item in dataset)
    }


def test_weights_are_packed(build):
    gts = {i: s.gt_instances for i, s in samples(build()).items()}
    assert gts[7].mask_weights.tolist() == [1, 0]
    assert gts[7].labels.tolist() == [0, 1]
    assert gts[4].mask_weights.tolist() == [0]
    assert gts[2].mask_weights.tolist() == [1]


def test_box_of_an_empty_or_dropped_mask_is_kept(build):
    gts = {i: s.gt_instances for i, s in samples(build()).items()}
    assert gts[4].bboxes.tensor.tolist() == [[10, 10, 15, 16]]
    assert gts[4].masks.masks.sum() == 0
    assert gts[7].bboxes.tensor.tolist() == [[5, 6, 25, 21], [2, 3, 32, 33]]


def test_crowd_without_segmentation_is_ignored_as_ever(build):
    sample = samples(build())[2]
    assert sample.gt_instances.bboxes.tensor.tolist() == [[0, 0, 32, 48]]
    ignored = sample.ignored_instances
    assert ignored.bboxes.tensor.tolist() == [[4, 4, 14, 14]]
    assert ignored.masks.masks.sum() == 0
    assert ignored.mask_weights.tolist() == [0]


@pytest.mark.parametrize('transform', [
    RandomFlip(prob=1.0),
    Resize(scale=(100, 100), keep_ratio=True),
    Resize(scale=(37, 61), keep_ratio=False),
])
def test_masks_boxes_and_weights_stay_together(build, transform):
    for sample in samples(build(transform)).values():
        gt = sample.gt_instances
        assert gt.masks.masks.shape[1:] == sample.img_shape[:2]
        for mask, box in zip(gt.masks.masks, gt.bboxes.tensor.tolist()):
            if mask.any():
                ys, xs = np.nonzero(mask)
                tight = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
                np.testing.assert_allclose(tight, box, atol=1)
    assert gt.mask_weights.tolist() == [0]
    gt = samples(build(transform))[7].gt_instances
    assert gt.mask_weights.tolist() == [1, 0]
    # The first box is the narrower one.
    assert gt.bboxes.widths[0] < gt.bboxes.widths[1]


def test_transform_that_loses_boxes_is_refused(build):
    # The crop can show the upper of the two boxes of image 7 alone.
    dataset = build(RandomCrop(crop_size=(2, 50)))
    np.random.seed(0)
    item = dataset.get_data_info(0)
    with pytest.raises(ValueError) as error:
        for _ in range(50):
            dataset.pipeline(dict(item))
    message = str(error.value)
    assert 'a.png: 1 boxes but 2 mask weights' in message
    assert 'Take it out of the pipeline' in message


def test_image_is_the_file(build):
    item = build()[0]
    img = cv2.imread(item['data_samples'].img_path)
    np.testing.assert_array_equal(item['inputs'].permute(1, 2, 0), img)
