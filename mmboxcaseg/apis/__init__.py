from .export import export_onnx
from .labeller import init_labeller, label_boxes

__all__ = ['export_onnx', 'init_labeller', 'label_boxes']
