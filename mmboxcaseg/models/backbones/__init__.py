from .hrnetv2 import HRNetV2

__all__ = ['HRNetV2']
