import json
import random

import cv2
import numpy as np
import pytest
from mmdet.datasets import CocoDataset, MultiImageMixDataset
from mmengine.registry import DefaultScope

from mmboxcaseg.datasets import ProxyCocoDataset
from mmboxcaseg.datasets.transforms import PackProxyInputs, ProxyCopyPaste
from mmboxcaseg.structures import encode_window
from mmboxcaseg.structures.window_masks import WindowMasks

HEIGHT, WIDTH = 90, 120
NUM_IMAGES, NUM_OBJECTS = 4, 24
NAMES = tuple(f'object {i}' for i in range(NUM_OBJECTS))
META_KEYS = ('img_id', 'img_path', 'img_shape')

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


@pytest.fixture
def write(tmp_path, rng):
    """Writes images of six objects, each of a class of its own.

    ``change`` gets each annotation, which has a full-size mask.
    """

    def write_file(change=lambda ann: None) -> dict:
        data = dict(
            images=[],
            annotations=[],
            categories=[dict(id=i, name=name) for i, name in enumerate(NAMES)])
        for i in range(NUM_IMAGES):
            name = f'{i}.png'
            pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3))
            cv2.imwrite(str(tmp_path / name), pixels)
            data['images'].append(
                dict(id=i, file_name=name, height=HEIGHT, width=WIDTH))
        for label in range(NUM_OBJECTS):
            x, y = rng.integers(0, (WIDTH - 50, HEIGHT - 40)).tolist()
            w, h = rng.integers(15, (50, 40)).tolist()
            ann = dict(
                id=label,
                image_id=label % NUM_IMAGES,
                category_id=label,
                iscrowd=0,
                area=w * h,
                bbox=[x, y, w, h],
                segmentation=encode_window(
                    np.ones((h, w)), (x, y, x + w, y + h), HEIGHT, WIDTH))
            change(ann)
            data['annotations'].append(ann)
        path = tmp_path / 'masks.json'
        path.write_text(json.dumps(data))
        return dict(
            ann_file=str(path),
            data_prefix=dict(img=str(tmp_path)),
            metainfo=dict(classes=NAMES))

    return write_file


def build(files: dict, *transforms, **kwargs) -> ProxyCocoDataset:
    """The data set with transforms between loading and packing."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        return ProxyCocoDataset(
            **files,
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(
                    type='mmboxcaseg.LoadProxyAnnotations',
                    with_bbox=True,
                    with_mask=True), *transforms,
                dict(type='mmboxcaseg.PackProxyInputs', meta_keys=META_KEYS)
            ],
            **kwargs)


def build_stock(files: dict, *transforms, with_mask: bool) -> CocoDataset:
    """mmdet's data set with mmdet's transforms only."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        return CocoDataset(
            **files,
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(
                    type='LoadAnnotations',
                    with_bbox=True,
                    with_mask=with_mask), *transforms,
                dict(type='PackDetInputs', meta_keys=META_KEYS)
            ])


def draw(dataset, number: int = 40) -> list:
    """Items of a data set under a seed; None where it gives none."""
    random.seed(0)
    np.random.seed(0)
    with DefaultScope.overwrite_default_scope('mmdet'):
        return [dataset.prepare_data(i % NUM_IMAGES) for i in range(number)]


def ground_truths(items: list) -> list:
    return [item['data_samples'].gt_instances for item in items if item]


def boxes_by_label(item: dict) -> dict:
    gt = item['data_samples'].gt_instances
    return dict(zip(gt.labels.tolist(), gt.bboxes.tensor.numpy()))


def give_weights(ann: dict) -> None:
    """A weight that tells the class."""
    ann['mask_weight'] = (ann['category_id'] + 1) / 100


def lose_masks(ann: dict) -> None:
    """Drop a third of the masks, empty a third, take a third away."""
    ann['mask_weight'] = 0
    if ann['id'] % 3 == 1:
        ann['segmentation'] = encode_window(
            np.zeros((1, 1)), (0, 0, 1, 1), HEIGHT, WIDTH)
    elif ann['id'] % 3 == 2:
        del ann['segmentation']


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


def mix(files: dict, **kwargs) -> MultiImageMixDataset:
    dataset = build(files)
    dataset.pipeline.transforms.pop()
    return MultiImageMixDataset(dataset, [
        dict(type='mmboxcaseg.ProxyCopyPaste', **kwargs),
        dict(type='mmboxcaseg.PackProxyInputs', meta_keys=META_KEYS)
    ])


@pytest.mark.parametrize('selected', [True, False])
def test_copy_paste_keeps_weights(write, selected):
    dataset = mix(write(give_weights), selected=selected)
    np.random.seed(0)
    random.seed(0)
    for i in range(20):
        gt = dataset[i % NUM_IMAGES]['data_samples'].gt_instances
        np.testing.assert_allclose(gt.mask_weights, (gt.labels + 1) / 100)


def test_copy_paste_is_that_of_mmdet_where_masks_are_trusted(write):
    """The same pixels, masks and labels; boxes are tight in both."""
    files = write(lambda ann: ann.update(mask_weight=1))
    stock = build_stock(files, with_mask=True)
    stock.pipeline.transforms.pop()
    with DefaultScope.overwrite_default_scope('mmdet'):
        stock = MultiImageMixDataset(stock, [
            dict(type='CopyPaste'),
            dict(type='PackDetInputs', meta_keys=META_KEYS)
        ])
    ours = mix(files)
    samples = []
    for dataset in (ours, stock):
        np.random.seed(0)
        random.seed(0)
        samples.append([dataset[i % NUM_IMAGES] for i in range(20)])
    pasted = 0
    for item, expected in zip(*samples):
        assert (item['inputs'] == expected['inputs']).all()
        gt, truth = (x['data_samples'].gt_instances for x in (item, expected))
        assert gt.labels.tolist() == truth.labels.tolist()
        np.testing.assert_array_equal(gt.masks.to_ndarray(),
                                      truth.masks.to_ndarray())
        np.testing.assert_array_equal(gt.bboxes.tensor, truth.bboxes.tensor)
        pasted += len(gt) > NUM_OBJECTS // NUM_IMAGES
    assert pasted > 5


def test_copy_paste_of_masks_that_are_not_trusted(write):
    """Nothing is pasted, and no box is lost."""
    files = write(lose_masks)
    dataset, plain = mix(files, selected=False), build(files)
    for i in range(NUM_IMAGES):
        item, expected = dataset[i], plain[i]
        assert (item['inputs'] == expected['inputs']).all()
        gt, truth = (x['data_samples'].gt_instances for x in (item, expected))
        np.testing.assert_array_equal(gt.bboxes.tensor, truth.bboxes.tensor)


def test_copy_paste_over_a_box_without_mask():
    """It keeps its box as far as that is not covered."""
    shape = (40, 60)
    part = np.ones((20, 30), dtype=np.uint8)
    below = WindowMasks([part] * 2, [[0, 0, 30, 20], [30, 20, 60, 40]], [0, 0],
                        *shape)
    above = WindowMasks([part[:, :10], part],
                        [[0, 0, 10, 20], [30, 20, 60, 40]], [1, 1], *shape)
    results = [
        dict(
            img=np.full((*shape, 3), number, np.uint8),
            gt_bboxes=masks.get_bboxes(),
            gt_bboxes_labels=np.array([number, number + 1]),
            gt_masks=masks,
            gt_ignore_flags=np.zeros(2, dtype=bool))
        for number, masks in enumerate((below, above))
    ]
    mixed = ProxyCopyPaste(selected=False).transform(
        dict(results[0], mix_results=[results[1]]))
    # The second box of the image is covered whole.
    assert mixed['gt_bboxes_labels'].tolist() == [0, 1, 2]
    assert mixed['gt_bboxes'].tensor.tolist() == [[10, 0, 30, 20],
                                                  [0, 0, 10, 20],
                                                  [30, 20, 60, 40]]
    assert mixed['gt_masks'].weights.tolist() == [0, 1, 1]
    assert mixed['img'][..., 0].sum() == 10 * 20 + 30 * 20


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
