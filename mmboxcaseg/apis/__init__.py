from .labeller import init_labeller, label_boxes

__all__ = ['init_labeller', 'label_boxes']
