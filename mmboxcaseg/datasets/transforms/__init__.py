from .crops import CropBoxes, PackCrops
from .proxy import LoadProxyAnnotations, PackProxyInputs

__all__ = ['CropBoxes', 'LoadProxyAnnotations', 'PackCrops', 'PackProxyInputs']
