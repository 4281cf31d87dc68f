"""The program that exports a labeller."""
import pytest
from onnx_networks import onnx
from small_data import run_tool

NAME = 'model_converters/export_onnx'


@pytest.fixture
def paths(data, checkpoint) -> tuple:
    return data.labeller, checkpoint, data.folder / 'out.onnx'


def test_export(monkeypatch, capsys, paths):
    pytest.importorskip('onnxscript')
    run_tool(monkeypatch, NAME, *paths)
    assert 'out.onnx: crops of 96 px' in capsys.readouterr().out
    run_tool(monkeypatch, NAME, *paths, '--size', 64)
    assert 'out.onnx: crops of 64 px' in capsys.readouterr().out
    value, = onnx.load(str(paths[2])).graph.input
    assert value.type.tensor_type.shape.dim[3].dim_value == 64


def test_export_that_differs(monkeypatch, refused, paths):
    monkeypatch.setattr('mmboxcaseg.apis.export_onnx', lambda *_: 0.02)
    assert 'differ by up to 0.02. Do not use it' in refused(NAME, *paths)


def test_no_crop_size(refused, paths):
    assert 'has no crop_size: give --size' in refused(
        NAME, *paths, '--cfg-options', 'label_dataloader.dataset.crop_size=')
