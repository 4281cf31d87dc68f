"""COCO files and image files: read, checked, written atomically.

Nothing here imports PyTorch, so that tools for JSON files start at once.
"""
from .annotations import (area_of, box_area, check_segmentations,
                          check_true_masks, counts_from_bytes, is_ignored,
                          rle_counts, rotation_of)
from .building import (BOX_KEYS, boxes_only, make_annotation, make_coco,
                       write_coco)
from .classes import (check_class_list, check_class_order, check_names,
                      repeated_names)
from .coco_boxes import FAULTS, CocoBoxes
from .decoding import decode_image, is_readable, load_image, read_image
from .files import (check_file, check_target, file_names, new_folder,
                    write_atomically, writing)
from .image_files import (IMAGE_SUFFIXES, PROBLEMS, ImageHeader, check_headers,
                          describe, header_problem, image_problem, is_remote,
                          mask_problem, missing_files, read_header)
from .mask_filter import MaskFilter
from .messages import entry_name, first_few, raise_problems
from .reading import (fix_image, load_coco, load_for_mmdet, load_json,
                      read_polygons)
from .schema import (LISTS, check_coco, check_entries, entry_problems,
                     list_problem, schema_problem, segmentation_problem)

__all__ = [
    'BOX_KEYS', 'CocoBoxes', 'FAULTS', 'IMAGE_SUFFIXES', 'ImageHeader',
    'LISTS', 'MaskFilter', 'PROBLEMS', 'area_of', 'box_area', 'boxes_only',
    'check_class_list', 'check_class_order', 'check_coco', 'check_entries',
    'check_file', 'check_headers', 'check_names', 'check_segmentations',
    'check_target', 'check_true_masks', 'counts_from_bytes', 'decode_image',
    'describe', 'entry_name', 'entry_problems', 'file_names', 'first_few',
    'fix_image', 'header_problem', 'image_problem', 'is_ignored',
    'is_readable', 'is_remote', 'list_problem', 'load_coco', 'load_for_mmdet',
    'load_image', 'load_json', 'make_annotation', 'make_coco', 'mask_problem',
    'missing_files', 'new_folder', 'raise_problems', 'read_header',
    'read_image', 'read_polygons', 'repeated_names', 'rle_counts',
    'rotation_of', 'schema_problem', 'segmentation_problem',
    'write_atomically', 'write_coco', 'writing'
]
