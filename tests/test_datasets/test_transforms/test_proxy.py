import cv2
import numpy as np
import pytest
from proxy_pipelines import (HEIGHT, WIDTH, build, build_stock, draw,
                             give_weights, lose_masks)

from mmboxcaseg import InputError
from mmboxcaseg.datasets.transforms import PackProxyInputs

# The transforms that mmdet's configs use with masks.
LSJ = [
    dict(
        type='RandomResize',
        scale=(WIDTH, HEIGHT),
        ratio_range=(0.1, 2.0),
        keep_ratio=True),
    dict(
        type='RandomCrop',
        crop_type='absolute',
        crop_size=(80, 100),
        recompute_bbox=True,
        allow_negative_crop=True),
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1e-2, 1e-2), by_mask=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='Pad', size=(100, 80)),
]
MOSAIC = dict(type='CachedMosaic', img_scale=(80, 100), max_cached_images=4)
PIPELINES = {
    'load': [],
    'Resize': [dict(type='Resize', scale=(200, 77), keep_ratio=False)],
    'RandomChoiceResize': [
        dict(
            type='RandomChoiceResize',
            scales=[(100, 100), (240, 200)],
            keep_ratio=True)
    ],
    'RandomFlip': [
        dict(
            type='RandomFlip',
            prob=[0.3] * 3,
            direction=['horizontal', 'vertical', 'diagonal'])
    ],
    'RandomCrop': [dict(type='RandomCrop', crop_size=(45, 60))],
    'recompute_bbox': [
        dict(type='RandomCrop', crop_size=(45, 60), recompute_bbox=True)
    ],
    'MinIoURandomCrop': [dict(type='MinIoURandomCrop')],
    'Expand': [dict(type='Expand', prob=1)],
    'FilterAnnotations by box':
    [dict(type='FilterAnnotations', min_gt_bbox_wh=(25, 20))],
    'FilterAnnotations by mask': [
        dict(
            type='FilterAnnotations',
            by_mask=True,
            min_gt_bbox_wh=(1, 1),
            min_gt_mask_area=1)
    ],
    'CachedMosaic': [MOSAIC],
    'CachedMixUp': [
        dict(type='Pad', size=(WIDTH, HEIGHT)),
        dict(
            type='CachedMixUp',
            img_scale=(HEIGHT, WIDTH),
            ratio_range=(1.0, 1.0),
            max_cached_images=4,
            prob=1)
    ],
    'YOLOXHSVRandomAug': [dict(type='YOLOXHSVRandomAug')],
    'LSJ': LSJ,
    'RTMDet-Ins': [
        MOSAIC,
        dict(
            type='RandomResize',
            scale=(200, 160),
            ratio_range=(0.5, 1.5),
            keep_ratio=True),
        dict(
            type='RandomCrop',
            crop_size=(80, 100),
            recompute_bbox=True,
            allow_negative_crop=True),
        dict(type='YOLOXHSVRandomAug'),
        dict(type='RandomFlip', prob=0.5),
        dict(type='Pad', size=(100, 80)),
        dict(
            type='CachedMixUp',
            img_scale=(80, 100),
            ratio_range=(1.0, 1.0),
            max_cached_images=4,
            prob=0.5),
        dict(type='FilterAnnotations', min_gt_bbox_wh=(1, 1)),
    ],
}  # yapf: disable


def ground_truths(items: list) -> list:
    return [item['data_samples'].gt_instances for item in items if item]


def boxes_by_label(item: dict) -> dict:
    gt = item['data_samples'].gt_instances
    return dict(zip(gt.labels.tolist(), gt.bboxes.tensor.numpy()))


@pytest.mark.parametrize('name', PIPELINES)
def test_weights_stay_with_their_boxes(write, name):
    items = ground_truths(draw(build(write(give_weights), *PIPELINES[name])))
    assert sum(map(len, items)) > 40
    for gt in items:
        np.testing.assert_allclose(gt.mask_weights, (gt.labels + 1) / 100)
        np.testing.assert_array_equal(gt.mask_weights, gt.masks.weights)


@pytest.mark.parametrize('name', PIPELINES)
def test_trusted_masks_are_those_of_mmdet(write, name):
    files = write(lambda ann: ann.update(mask_weight=1))
    ours = draw(build(files, *PIPELINES[name]))
    stock = draw(build_stock(files, *PIPELINES[name], with_mask=True))
    for item, expected in zip(ours, stock):
        assert (item is None) == (expected is None)
        if item is None:
            continue
        assert (item['inputs'] == expected['inputs']).all()
        gt, truth = (x['data_samples'].gt_instances for x in (item, expected))
        assert gt.labels.tolist() == truth.labels.tolist()
        np.testing.assert_allclose(gt.bboxes.tensor, truth.bboxes.tensor)
        np.testing.assert_array_equal(gt.masks.to_ndarray(),
                                      truth.masks.to_ndarray())


@pytest.mark.parametrize('name', PIPELINES)
def test_box_without_a_mask_to_learn_is_never_lost(write, name):
    """Boxes are those of a pipeline that knows of no masks."""
    transforms = [dict(transform) for transform in PIPELINES[name]]
    files = write(lose_masks)
    ours = draw(build(files, *transforms))
    for transform in transforms:
        transform.pop('by_mask', None)
        transform.pop('recompute_bbox', None)
    boxes = draw(build_stock(files, *transforms, with_mask=False))
    for item, expected in zip(ours, boxes):
        assert (item is None) == (expected is None)
        if item is None:
            continue
        assert not item['data_samples'].gt_instances.mask_weights.any()
        # A box that is computed anew is snapped to pixels: a sliver at the
        # border of a crop may vanish.
        gt, truth = (boxes_by_label(x) for x in (item, expected))
        assert gt.keys() <= truth.keys()
        for label, box in truth.items():
            if label in gt:
                np.testing.assert_allclose(gt[label], box, atol=2)
            else:
                assert (box[2:] - box[:2]).min() < 4


def test_masks_follow_their_boxes(write):
    for name, transforms in PIPELINES.items():
        for gt in ground_truths(draw(build(write(give_weights), *transforms))):
            windows = gt.masks.windows
            np.testing.assert_allclose(
                windows, gt.bboxes.tensor, atol=2.5, err_msg=name)


@pytest.mark.parametrize('transform, error, message', [
    (dict(type='RandomErasing', n_patches=1, ratio=0.2), TypeError,
     'RandomErasing'),
    (dict(type='RandomAffine'), NotImplementedError, 'only supports bbox'),
    (dict(type='Rotate', prob=1, level=10, mask_border_value=255),
     ValueError, 'background'),
])  # yapf: disable
def test_transform_that_cannot_keep_the_weights_fails(write, transform, error,
                                                      message):
    dataset = build(write(give_weights), transform)
    with pytest.raises(error, match=message):
        draw(dataset)


@pytest.mark.parametrize('spoil, message', [
    (lambda r: r.update(gt_bboxes=r['gt_bboxes'][1:]),
     '0.png: 5 boxes but 6 masks'),
    (lambda r: r.update(img=r['img'][:50]), r'shape \(50, 120\) but its masks'
     r' \(90, 120\)'),
    (lambda r: r['gt_bboxes'].translate_([200, 0]), 'lie apart'),
    (lambda r: r.update(gt_masks=r['gt_masks'][::-1]), 'lie apart'),
])  # yapf: disable
def test_masks_that_do_not_fit_the_boxes(write, spoil, message):
    dataset = build(write(give_weights))
    results = dict(dataset.get_data_info(0))
    for transform in dataset.pipeline.transforms[:-1]:
        results = transform(results)
    spoil(results)
    with pytest.raises(ValueError, match=message) as error:
        PackProxyInputs().transform(results)
    assert 'from the pipeline' in str(error.value)


@pytest.mark.parametrize('factor', [0.5, 2])
def test_image_of_another_size(write, factor):
    dataset = build(write(give_weights))
    path = dataset.get_data_info(0)['img_path']
    # The start checks local files; those on object storage are not read.
    img = cv2.imread(path)
    cv2.imwrite(path, cv2.resize(img, None, fx=factor, fy=factor))
    size = f'{WIDTH * factor:.0f}x{HEIGHT * factor:.0f}'
    words = f'{path} has {size} pixels.*says {WIDTH}x{HEIGHT}'
    with pytest.raises(InputError, match=words):
        dataset[0]


def test_masks_without_weights(write):
    files = write()
    stock = build_stock(files, with_mask=True)
    stock.pipeline.transforms[-1] = PackProxyInputs()
    with pytest.raises(TypeError, match='instead of LoadAnnotations'):
        stock[0]


def test_annotation_of_every_form(write):
    """Polygons and uncompressed RLE; masks that leave their box."""

    def change(ann):
        ann['mask_weight'] = 1
        x, y, w, h = ann['bbox']
        if ann['id'] == 0:
            x, y, w, h = (x + 1, y, w + 4, h - 2)
            ann['segmentation'] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
        if ann['id'] == 4:
            ann['segmentation'] = dict(
                size=[HEIGHT, WIDTH],
                counts=[HEIGHT * 3 + 2, 5, HEIGHT * (WIDTH - 3) - 7])
        if ann['id'] == 8:
            ann['iscrowd'] = 1

    files = write(change)
    ours = build(files)[0]['data_samples']
    stock = build_stock(files, with_mask=True)[0]['data_samples']
    for name in ('gt_instances', 'ignored_instances'):
        gt, truth = (getattr(sample, name) for sample in (ours, stock))
        assert len(gt) == {'gt_instances': 5, 'ignored_instances': 1}[name]
        np.testing.assert_array_equal(gt.bboxes.tensor, truth.bboxes.tensor)
        np.testing.assert_array_equal(gt.masks.to_ndarray(),
                                      truth.masks.to_ndarray())
