import sys

import pytest
import torch
from onnx_networks import onnx, write_network

from mmboxcaseg import InputError
from mmboxcaseg.apis import export_onnx
from mmboxcaseg.models import CropPreprocessor, OnnxLabeller

pytest.importorskip(
    'onnxscript', reason='onnxscript is not installed: mmboxcaseg[onnx]')


@pytest.fixture
def labeller(build_labeller) -> torch.nn.Module:
    model = build_labeller().eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
    return model


@pytest.mark.parametrize('size', [64, 96])
def test_probabilities_are_those_of_the_labeller(labeller, tmp_path, size):
    path = str(tmp_path / 'labeller.onnx')
    assert export_onnx(labeller, size, path) < 1e-4
    crops = torch.randint(256, (3, 3, size, size))
    data = labeller.data_preprocessor(dict(inputs=[crops]))
    expected = labeller.predict_maps(data['inputs'])
    assert expected.std() > 0.01
    found = OnnxLabeller(path).predict_maps(crops.float())
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_labeller_that_sees_boxes(labeller_cfg, build_labeller, tmp_path):
    labeller_cfg.box_prompt = dict(type='mmboxcaseg.BoxPrompt')
    labeller = build_labeller().eval()
    torch.nn.init.normal_(labeller.box_prompt.conv.weight)
    path = str(tmp_path / 'labeller.onnx')
    assert export_onnx(labeller, 64, path) < 1e-4
    crops = torch.randint(256, (3, 4, 64, 64), dtype=torch.uint8)
    crops[:, 3] = 0
    crops[:, 3, 10:40, 20:50] = 255
    data = labeller.data_preprocessor(dict(inputs=[crops]))
    expected = labeller.predict_maps(data['inputs'])
    # Its pipeline has box_map, too.
    data = CropPreprocessor()(dict(inputs=[crops]))
    found = OnnxLabeller(path).predict_maps(data['inputs'])
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_file_says_what_it_takes(labeller, tmp_path):
    path = str(tmp_path / 'labeller.onnx')
    export_onnx(labeller, 64, path)
    graph = onnx.load(path).graph
    value, = graph.input
    dims = value.type.tensor_type.shape.dim
    assert value.name == 'crops' and dims[0].dim_param == 'N'
    assert [dim.dim_value for dim in dims[1:]] == [3, 64, 64]
    assert [value.name for value in graph.output] == ['foreground']


def test_only_a_boxcaseg_is_exported(tmp_path):
    path = write_network(tmp_path / 'mean.onnx')
    with pytest.raises(InputError, match='not a OnnxLabeller'):
        export_onnx(OnnxLabeller(path), 64, path)


@pytest.mark.parametrize('module', ['onnxruntime', 'onnxscript'])
def test_missing_package_is_named(monkeypatch, labeller, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf'{module}.*mmboxcaseg\[onnx\]'):
        export_onnx(labeller, 64, 'out.onnx')
