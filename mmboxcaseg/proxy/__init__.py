from .labelme import from_labelme, to_labelme
from .matching import load_predictions, match_predictions, merge_image
from .polygons import mask_to_polygons
from .proxy_file import check_masks, count_kept, load_proxy
from .records import make_records, merge_and_score
from .review import apply_review, load_review
from .scored_masks import Comparison, ScoredMasks
from .writer import ProxyWriter

__all__ = [
    'Comparison', 'ProxyWriter', 'ScoredMasks', 'apply_review', 'check_masks',
    'count_kept', 'from_labelme', 'load_predictions', 'load_proxy',
    'load_review', 'make_records', 'mask_to_polygons', 'match_predictions',
    'merge_and_score', 'merge_image', 'to_labelme'
]
