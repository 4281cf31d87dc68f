from .crop_salient_image import CropSalientImage
from .crops import CropBoxes, CropSalientObject
from .loading import LoadImageFromFile, LoadObjectMask
from .pack_crops import PackCrops
from .prompt_boxes import PromptBoxes
from .proxy import LoadProxyAnnotations, PackProxyInputs, ProxyCopyPaste

__all__ = [
    'CropBoxes', 'CropSalientImage', 'CropSalientObject', 'LoadImageFromFile',
    'LoadObjectMask', 'LoadProxyAnnotations', 'PackCrops', 'PackProxyInputs',
    'PromptBoxes', 'ProxyCopyPaste'
]
