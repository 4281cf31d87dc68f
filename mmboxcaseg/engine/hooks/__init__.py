from .batch_visualization_hook import BatchVisualizationHook
from .labeller_visualization_hook import LabellerVisualizationHook

__all__ = ['BatchVisualizationHook', 'LabellerVisualizationHook']
