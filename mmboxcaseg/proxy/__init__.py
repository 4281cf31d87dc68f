from .folders import file_names, new_folder
from .labelme import from_labelme, to_labelme
from .merge import load_predictions, match_predictions, merge_image
from .polygons import mask_to_polygons
from .records import make_records
from .schema import (check_masks, complain, load_coco, load_json, load_proxy,
                     mask_misfit, schema_problem, some)
from .writer import ProxyWriter

__all__ = [
    'ProxyWriter', 'check_masks', 'complain', 'file_names', 'from_labelme',
    'load_coco', 'load_json', 'load_predictions', 'load_proxy', 'make_records',
    'mask_misfit', 'mask_to_polygons', 'match_predictions', 'merge_image',
    'new_folder', 'schema_problem', 'some', 'to_labelme'
]
