"""Small ONNX networks, written without PyTorch."""
from pathlib import Path
from typing import Sequence, Union

import pytest

onnx = pytest.importorskip(
    'onnx', reason='onnx is not installed: mmboxcaseg[onnx]')
pytest.importorskip(
    'onnxruntime', reason='onnxruntime is not installed: mmboxcaseg[onnx]')


def write_network(path: Path,
                  shape: Sequence[Union[int, str]] = ('N', 3, 'H', 'W'),
                  scale: float = 1,
                  offset: float = 0,
                  kind: int = onnx.TensorProto.FLOAT) -> str:
    """Write a network with two outputs, and return its path.

    Output 0 is scale * (mean of the channels) + offset, (N, 1, H, W); output
    1 the image itself.
    """
    helper = onnx.helper
    nodes = [
        helper.make_node('ReduceMean', ['image', 'axes'], ['mean']),
        helper.make_node('Mul', ['mean', 'scale'], ['scaled']),
        helper.make_node('Add', ['scaled', 'offset'], ['map']),
        helper.make_node('Identity', ['image'], ['copy'])
    ]
    constants = [
        helper.make_tensor('axes', onnx.TensorProto.INT64, [1], [1]),
        helper.make_tensor('scale', kind, [], [scale]),
        helper.make_tensor('offset', kind, [], [offset])
    ]
    shapes = dict(map=[shape[0], 1, *shape[2:]], copy=list(shape))
    graph = helper.make_graph(
        nodes, 'mean',
        [helper.make_tensor_value_info('image', kind, list(shape))], [
            helper.make_tensor_value_info(name, kind, shape)
            for name, shape in shapes.items()
        ], constants)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=10)
    onnx.save(model, str(path))
    return str(path)
