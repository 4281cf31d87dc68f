import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmboxcaseg.models.map_labeller import MapLabeller


class Brightness(MapLabeller):
    """The foreground is what is bright, darker from left to right."""

    def foreground(self, crops):
        assert len(crops) == self.test_cfg['chunk']
        side = crops.shape[-1]
        return crops.mean(1) * torch.linspace(1, 0.5, side)


@pytest.mark.parametrize('num', [1, 4, 5])
def test_chunks_are_full(num):
    crops = torch.rand(num, 3, 8, 8)
    maps = Brightness(dict(chunk=4)).predict_maps(crops)
    assert maps.shape == (num, 8, 8)
    expected = crops.mean(1) * torch.linspace(1, 0.5, 8)
    torch.testing.assert_close(maps, expected)


def test_mirror_images_are_averaged():
    crops = torch.rand(2, 3, 8, 8)
    maps = Brightness(dict(flip=True)).predict_maps(crops)
    torch.testing.assert_close(maps, crops.mean(1) * 0.75)


def test_every_image_gets_its_masks():
    windows = [
        np.array([[0, 0, 8, 8], [2, 2, 6, 5]]),
        np.array([[1, 1, 5, 5]])
    ]
    samples = [
        DetDataSample(gt_instances=InstanceData(windows=w)) for w in windows
    ]
    crops = torch.stack([torch.full((3, 8, 8), v) for v in (0.2, 0.9, 0.6)])
    model = Brightness(dict(min_max=False, threshold=0.5))
    samples = model(crops, samples, mode='predict')
    dark, bright = samples[0].pred_instances.masks
    other, = samples[1].pred_instances.masks
    assert not dark.any() and bright.shape == (3, 4) and bright[:, 0].all()
    assert other[:, 0].all() and not other[:, -1].any()
    assert samples[0].pred_instances.masks.expected_ious is None
