import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import FUNCTIONS, init_default_scope
from mmengine.runner import Runner
from mmengine.structures import InstanceData

from mmboxcaseg.datasets import collate_crops
from mmboxcaseg.models import CropPreprocessor


def items_of(sizes, channels: int) -> list:
    return [
        dict(
            inputs=torch.randint(
                0, 256, (n, channels, 8, 8), dtype=torch.uint8),
            data_samples=DetDataSample(
                gt_instances=InstanceData(areas=np.arange(n)))) for n in sizes
    ]


@pytest.mark.parametrize('channels', [3, 4])
@pytest.mark.parametrize('sizes', [(1, ), (2, 1, 5)])
def test_the_network_sees_the_same_batch(sizes, channels):
    torch.manual_seed(0)
    items = items_of(sizes, channels)
    batch = collate_crops(items)
    assert len(batch['inputs']) == 1
    assert batch['data_samples'] == [item['data_samples'] for item in items]
    preprocess = CropPreprocessor(mean=[1, 2, 3], std=[4, 5, 6])
    ours, stock = map(preprocess, (batch, pseudo_collate(items)))
    torch.testing.assert_close(ours['inputs'], stock['inputs'], rtol=0, atol=0)


def test_in_the_registry():
    with FUNCTIONS.switch_scope_and_registry('mmdet') as registry:
        assert registry.get('mmboxcaseg.collate_crops') is collate_crops


@pytest.mark.parametrize('num_workers', [0, 1])
def test_labelling_uses_it(tiny_coco, num_workers):
    init_default_scope('mmdet')
    cfg = Config.fromfile('configs/onnx/onnx-u2net_coco.py')
    loader = cfg.label_dataloader
    loader.update(num_workers=num_workers)
    loader.dataset.update(data_root='', crop_size=16, **tiny_coco())
    batch, = Runner.build_dataloader(loader)
    crops, = batch['inputs']
    assert crops.shape == (4, 3, 16, 16)
    assert [len(s.gt_instances) for s in batch['data_samples']] == [1, 1, 2]
    # Only the crops are sent as a tensor.
    assert not any(
        isinstance(value, torch.Tensor) for sample in batch['data_samples']
        for value in sample.gt_instances.values())
