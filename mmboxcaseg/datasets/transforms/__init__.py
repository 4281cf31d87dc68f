from .crops import CropBoxes, CropSalientObject, PackCrops
from .proxy import LoadProxyAnnotations, PackProxyInputs, ProxyCopyPaste

__all__ = [
    'CropBoxes', 'CropSalientObject', 'LoadProxyAnnotations', 'PackCrops',
    'PackProxyInputs', 'ProxyCopyPaste'
]
