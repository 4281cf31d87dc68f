from .merge import load_predictions, match_predictions, merge_image
from .schema import check_masks, load_coco, load_proxy, some
from .writer import ProxyWriter

__all__ = [
    'ProxyWriter', 'check_masks', 'load_coco', 'load_predictions',
    'load_proxy', 'match_predictions', 'merge_image', 'some'
]
