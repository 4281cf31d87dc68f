import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.structures import InstanceData
from onnx_networks import write_network

from mmboxcaseg import InputError
from mmboxcaseg.models import OnnxLabeller
from mmboxcaseg.registry import MODELS

CROPS = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def path(tmp_path) -> str:
    return write_network(tmp_path / 'mean.onnx')


def test_maps_are_those_of_the_network(path):
    maps = OnnxLabeller(path, dict(chunk=2)).predict_maps(CROPS)
    assert maps.shape == (5, 8, 8)
    torch.testing.assert_close(maps, CROPS.mean(1))


def test_logits(tmp_path):
    path = write_network(tmp_path / 'mean.onnx', scale=20, offset=-10)
    maps = OnnxLabeller(path, dict(sigmoid=True)).predict_maps(CROPS)
    torch.testing.assert_close(maps, (20 * CROPS.mean(1) - 10).sigmoid())
    with pytest.raises(InputError, match=r'mean.onnx predicts .*sigmoid=True'):
        OnnxLabeller(path).predict_maps(CROPS)


def test_values_that_rounding_moved(tmp_path):
    path = write_network(tmp_path / 'mean.onnx', scale=1.005)
    maps = OnnxLabeller(path).predict_maps(torch.ones(1, 3, 8, 8))
    assert maps.max() == 1


@pytest.mark.parametrize('batch', [1, 4])
def test_batch_size_that_is_fixed(tmp_path, batch):
    path = write_network(tmp_path / 'mean.onnx', (batch, 3, 8, 8))
    model = OnnxLabeller(path)
    assert (model.chunk, OnnxLabeller.TEST_CFG['chunk']) == (batch, 16)
    torch.testing.assert_close(model.predict_maps(CROPS), CROPS.mean(1))


CONFIGS = sorted(
    (Path(__file__).resolve().parents[2] / 'configs/onnx').glob('*.py'))


@pytest.mark.parametrize('config', CONFIGS, ids=lambda path: path.stem)
def test_config(path, config):
    model = Config.fromfile(config).model
    model.update(weights=path)
    model.setdefault('test_cfg', {})['output'] = 0
    model = MODELS.build(model)
    # White and black crops are in the range that the network was made for.
    crops = torch.tensor([255, 0], dtype=torch.uint8).reshape(2, 1, 1, 1)
    data = dict(inputs=[crops.expand(2, 3, 8, 8)])
    white, black = model.data_preprocessor(data)['inputs'].mean((1, 2, 3))
    assert white - black == pytest.approx(
        dict(isnet=1, boxcaseg=255).get(
            config.stem.split('_')[0].removeprefix('onnx-'), 4.45),
        rel=0.01)
    assert model.test_cfg['chunk'] in (4, 16)


def test_masks(path):
    model = OnnxLabeller(
        path,
        dict(min_max=False),
        data_preprocessor=dict(
            type='mmboxcaseg.CropPreprocessor', mean=[0] * 3, std=[255] * 3))
    crops = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    crops[0, :, 2:, :4] = 200
    gt = InstanceData(windows=np.array([[3, 3, 11, 11], [0, 0, 5, 5]]))
    sample, = model.test_step(
        dict(inputs=[crops], data_samples=[DetDataSample(gt_instances=gt)]))
    bright, dark = sample.pred_instances.masks
    np.testing.assert_array_equal(bright, crops[0, 0].numpy() > 127)
    assert not dark.any()


@pytest.mark.parametrize('shape, words', [
    ((1, 3, 320, 320), r'\[1, 3, 320, 320\], not \(1, 3, 8, 8\).*crop_size'),
    (('N', 4, 'H', 'W'), "'N', 4, 'H', 'W'"),
])
def test_input_of_another_shape(tmp_path, shape, words):
    model = OnnxLabeller(write_network(tmp_path / 'mean.onnx', shape))
    with pytest.raises(InputError, match=words):
        model.predict_maps(CROPS)


def test_network_that_fails(tmp_path):
    half = write_network(tmp_path / 'half.onnx', kind=10)  # float16
    with pytest.raises(InputError, match='half.onnx fails on.*float16'):
        OnnxLabeller(half).predict_maps(CROPS)


def test_nan(tmp_path):
    broken = write_network(tmp_path / 'broken.onnx', offset=float('nan'))
    for sigmoid in (False, True):
        with pytest.raises(InputError, match='broken.onnx predicts NaN'):
            OnnxLabeller(broken, dict(sigmoid=sigmoid)).predict_maps(CROPS)


def test_one_map_for_all_crops(path):
    model = OnnxLabeller(path)
    with pytest.raises(InputError, match=r'\(1, 1, 8, 8\), not \(16, 1, h, w'):
        model._select([np.zeros((1, 1, 8, 8), np.float32)], 16)


@pytest.mark.parametrize('output, words', [
    (1, r'output 1 of .* shape \(16, 3, 8, 8\)'),
    (-1, r'output -1 of .* shape \(16, 3, 8, 8\)'),
    (2, 'has 2 outputs: there is no model.test_cfg.output=2'),
    (-3, 'has 2 outputs'),
])
def test_output_that_is_no_map(path, output, words):
    with pytest.raises(InputError, match=words):
        OnnxLabeller(path, dict(output=output)).predict_maps(CROPS)


@pytest.mark.parametrize('content', [None, b'', b'text' * 99])
def test_files_that_are_refused(tmp_path, content):
    path = tmp_path / 'broken.onnx'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match='cannot be loaded as an ONNX file'):
        OnnxLabeller(str(path))


def test_weights(path):
    model = OnnxLabeller(path)
    assert (model.weights, model.weights_name) == (path, 'mean')
    # DistributedDataParallel needs one.
    assert len(list(model.parameters())) == 1
    with pytest.raises(InputError, match='give an ONNX file as CHECKPOINT'):
        OnnxLabeller()


def test_missing_package_is_named(monkeypatch, path):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(InputError, match=r'onnxruntime.*mmboxcaseg\[onnx\]'):
        OnnxLabeller(path)
