"""COCO files and image files: read, checked, written atomically.

Nothing here imports PyTorch, so that tools for JSON files start at once.
"""
from .building import (BOX_KEYS, boxes_only, make_annotation, make_coco,
                       write_coco)
from .coco_boxes import CocoBoxes
from .files import (check_target, file_names, new_folder, write_atomically,
                    writing)
from .image_files import (IMAGE_SUFFIXES, PROBLEMS, ImageHeader, describe,
                          header_problem, image_problem, is_readable,
                          is_remote, load_image, mask_problem, missing_files,
                          read_header, read_image)
from .messages import first_few, raise_problems
from .reading import load_coco, load_json
from .schema import (LISTS, check_coco, entry_problems, list_problem,
                     mask_misfit, schema_problem)

__all__ = [
    'BOX_KEYS', 'CocoBoxes', 'IMAGE_SUFFIXES', 'ImageHeader', 'LISTS',
    'PROBLEMS', 'boxes_only', 'check_coco', 'check_target', 'describe',
    'entry_problems', 'file_names', 'first_few', 'header_problem',
    'image_problem', 'is_readable', 'is_remote', 'list_problem', 'load_coco',
    'load_image', 'load_json', 'make_annotation', 'make_coco', 'mask_misfit',
    'mask_problem', 'missing_files', 'new_folder', 'raise_problems',
    'read_header', 'read_image', 'schema_problem', 'write_atomically',
    'write_coco', 'writing'
]
