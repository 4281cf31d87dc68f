from .batch_visualization_hook import BatchVisualizationHook
from .crop_size_hook import CropSizeHook
from .labeller_visualization_hook import LabellerVisualizationHook

__all__ = [
    'BatchVisualizationHook', 'CropSizeHook', 'LabellerVisualizationHook'
]
