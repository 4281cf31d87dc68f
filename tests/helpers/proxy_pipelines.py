"""Data sets of proxy masks and of mmdet, with the same transforms."""
import random

import numpy as np
from mmdet.datasets import CocoDataset
from mmengine.registry import DefaultScope

from mmboxcaseg.datasets import ProxyCocoDataset
from mmboxcaseg.structures import encode_window

HEIGHT, WIDTH = 90, 120
NUM_IMAGES, NUM_OBJECTS = 4, 24
NAMES = tuple(f'object {i}' for i in range(NUM_OBJECTS))
META_KEYS = ('img_id', 'img_path', 'img_shape')


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
