from .annotations import CocoFile
from .check import CheckedSource, check_classes, check_config, check_truth
from .findings import KINDS, Findings
from .fix import fix_coco
from .settings import check_settings

__all__ = [
    'CheckedSource', 'CocoFile', 'Findings', 'KINDS', 'check_classes',
    'check_config', 'check_settings', 'check_truth', 'fix_coco'
]
