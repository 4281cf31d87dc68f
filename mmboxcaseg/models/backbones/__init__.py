from .efficientnet_lite0 import EfficientNetLite0
from .hrnetv2 import HRNetV2

__all__ = ['EfficientNetLite0', 'HRNetV2']
