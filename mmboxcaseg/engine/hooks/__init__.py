from .batch_visualization_hook import BatchVisualizationHook
from .crop_size_hook import CropSizeHook
from .labeller_visualization_hook import LabellerVisualizationHook
from .proxy_mask_hook import ProxyMaskHook

__all__ = [
    'BatchVisualizationHook', 'CropSizeHook', 'LabellerVisualizationHook',
    'ProxyMaskHook'
]
