import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.visualization import Visualizer
from proxy_files import write_proxy_files
from torch.utils.data import DataLoader

from mmboxcaseg.datasets import ProxyCocoDataset
from mmboxcaseg.engine import BatchVisualizationHook
from mmboxcaseg.visualization.drawing import COLOURS

FIRST = np.round(255 * COLOURS[0])  # of the first object with a mask
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(
        type='mmboxcaseg.LoadProxyAnnotations', with_bbox=True,
        with_mask=True),
    dict(type='mmboxcaseg.PackProxyInputs')
]


@pytest.fixture
def draw(tmp_path, tiny_coco, rng):
    """Draws a batch of the three images; returns the figure, RGB."""
    proxy = write_proxy_files(tiny_coco(), rng)
    path = Path(proxy.proxy)
    content = json.loads(path.read_text())
    for ann in content['annotations']:
        if 'mask_score' in ann:
            ann['mask_score'] = 0.9
    path.write_text(json.dumps(content))

    def run(hook: BatchVisualizationHook,
            iteration: int = 0,
            **kwargs) -> np.ndarray:
        dataset = ProxyCocoDataset(
            ann_file=str(proxy.proxy),
            data_prefix=dict(img=str(proxy.img_prefix)),
            metainfo=dict(classes=('cat', 'dog')),
            pipeline=PIPELINE,
            **kwargs)
        items = list(dataset)
        batch = {key: [item[key] for item in items] for key in items[0]}
        before = [img.clone() for img in batch['inputs']]
        runner = SimpleNamespace(
            iter=iteration,
            train_dataloader=DataLoader(dataset),
            visualizer=Visualizer(
                vis_backends=[dict(type='LocalVisBackend')],
                save_dir=str(tmp_path)))
        hook.before_train_iter(runner, 0, batch)
        assert all(map(torch.equal, before, batch['inputs']))
        path = tmp_path / f'vis_data/vis_image/batch_{iteration}.png'
        return read_rgb(path) if path.exists() else None

    return run


def read_rgb(path: Path) -> np.ndarray:
    return cv2.imread(str(path))[..., ::-1]


def test_every_interval(draw):
    hook = BatchVisualizationHook(interval=10)
    assert draw(hook, 9) is None
    assert draw(hook, 10) is not None


@pytest.mark.parametrize('threshold, used', [(0, True), (1, False)])
def test_unused_masks_are_grey(draw, threshold, used):
    figure = draw(BatchVisualizationHook(), mask_score_thr=threshold)
    # The label of an object is filled with its colour.
    assert (figure == FIRST).all(axis=2).any() == used


def test_number_of_images(draw):
    shapes = [
        draw(BatchVisualizationHook(num_images=num)).shape[:2]
        for num in (1, 2, 4)
    ]
    # One; two beside each other; three images, two in a row.
    assert shapes == [(500, 600), (500, 1200), (1000, 1200)]
