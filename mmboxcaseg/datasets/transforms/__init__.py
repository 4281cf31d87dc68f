from .crops import CropBoxes, CropSalientObject, PackCrops
from .proxy import LoadProxyAnnotations, PackProxyInputs

__all__ = [
    'CropBoxes', 'CropSalientObject', 'LoadProxyAnnotations', 'PackCrops',
    'PackProxyInputs'
]
