from .annotations import CocoFile
from .check import CheckedSource, check_classes, check_config
from .findings import KINDS, Findings
from .fix import fix_coco
from .units import box_units

__all__ = [
    'CheckedSource', 'CocoFile', 'Findings', 'KINDS', 'box_units',
    'check_classes', 'check_config', 'fix_coco'
]
