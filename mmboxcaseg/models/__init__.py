from importlib import import_module
from pkgutil import walk_packages

from .backbones import *  # noqa: F401,F403
from .base_labeller import BaseLabeller
from .box_prompt import BoxPrompt
from .boxcaseg import BoxCaseg
from .data_preprocessor import CropPreprocessor
from .dense_heads import *  # noqa: F401,F403
from .heads import *  # noqa: F401,F403
from .losses import *  # noqa: F401,F403
from .map_labeller import MapLabeller
from .necks import *  # noqa: F401,F403
from .onnx_labeller import OnnxLabeller
from .promptable_labeller import PromptableLabeller
from .roi_heads import *  # noqa: F401,F403

# A module registers its classes when it is imported. A new file in one of
# these folders is therefore found by configs without an entry here.
for module in walk_packages(__path__, f'{__name__}.'):  # noqa: F405
    import_module(module.name)

__all__ = [
    'BaseLabeller', 'BoxCaseg', 'BoxPrompt', 'CropPreprocessor', 'MapLabeller',
    'OnnxLabeller', 'PromptableLabeller'
]
