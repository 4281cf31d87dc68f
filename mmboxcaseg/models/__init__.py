from .backbones import *  # noqa: F401,F403
from .boxcaseg import BoxCaseg
from .data_preprocessor import CropPreprocessor
from .dense_heads import *  # noqa: F401,F403
from .heads import *  # noqa: F401,F403
from .losses import *  # noqa: F401,F403
from .necks import *  # noqa: F401,F403
from .roi_heads import *  # noqa: F401,F403

__all__ = ['BoxCaseg', 'CropPreprocessor']
