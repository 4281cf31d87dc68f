"""Checks of data sets and settings; a new one goes to :mod:`.rules`."""
from .check import check_config
from .checked_source import CheckedSource
from .coco_file import CocoFile
from .findings import KINDS, Findings
from .fix import fix_coco
from .settings import check_settings
from .start import check_classes, check_truth

__all__ = [
    'CheckedSource', 'CocoFile', 'Findings', 'KINDS', 'check_classes',
    'check_config', 'check_settings', 'check_truth', 'fix_coco'
]
