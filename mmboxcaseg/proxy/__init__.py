from .coco import boxes_only, make_annotation, make_coco, write_coco
from .folders import file_names, new_folder
from .images import read_image
from .labelme import from_labelme, to_labelme
from .merge import load_predictions, match_predictions, merge_image
from .polygons import mask_to_polygons
from .records import make_records
from .schema import (check_masks, complain, load_coco, load_json, load_proxy,
                     mask_misfit, schema_problem, some)
from .writer import ProxyWriter, check_target, write_atomically

__all__ = [
    'ProxyWriter', 'boxes_only', 'check_masks', 'check_target', 'complain',
    'file_names', 'from_labelme', 'load_coco', 'load_json', 'load_predictions',
    'load_proxy', 'make_annotation', 'make_coco', 'make_records',
    'mask_misfit', 'mask_to_polygons', 'match_predictions', 'merge_image',
    'new_folder', 'read_image', 'schema_problem', 'some', 'to_labelme',
    'write_atomically', 'write_coco'
]
