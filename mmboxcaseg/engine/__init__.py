from .batch_visualization_hook import BatchVisualizationHook
from .bfloat16_optim_wrapper import BFloat16OptimWrapper
from .label_loop import LabelLoop
from .labeller_visualization_hook import LabellerVisualizationHook

__all__ = [
    'BFloat16OptimWrapper', 'BatchVisualizationHook', 'LabelLoop',
    'LabellerVisualizationHook'
]
