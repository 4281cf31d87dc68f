from .crop_salient_image import CropSalientImage
from .crops import CropBoxes, CropSalientObject, PackCrops
from .proxy import LoadProxyAnnotations, PackProxyInputs, ProxyCopyPaste

__all__ = [
    'CropBoxes', 'CropSalientImage', 'CropSalientObject',
    'LoadProxyAnnotations', 'PackCrops', 'PackProxyInputs', 'ProxyCopyPaste'
]
