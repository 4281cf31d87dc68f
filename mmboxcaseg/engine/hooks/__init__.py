from .batch_visualization_hook import BatchVisualizationHook
from .labeller_visualization_hook import LabellerVisualizationHook
from .proxy_mask_hook import ProxyMaskHook

__all__ = [
    'BatchVisualizationHook', 'LabellerVisualizationHook', 'ProxyMaskHook'
]
