"""ProxyCopyPaste, compared with mmdet's CopyPaste."""
import random

import numpy as np
import pytest
from mmdet.datasets import MultiImageMixDataset
from mmengine.registry import DefaultScope
from proxy_pipelines import (META_KEYS, NUM_IMAGES, NUM_OBJECTS, build,
                             build_stock, give_weights, lose_masks)

from mmboxcaseg.datasets.transforms import ProxyCopyPaste
from mmboxcaseg.structures.window_masks import WindowMasks


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
