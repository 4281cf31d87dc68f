"""Where the photographs lie, for tests that use them if they are there."""
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.getenv('MMBOXCASEG_DATA', ROOT.parent / 'shared' / 'data'))
needs_photographs = pytest.mark.skipif(
    not DATA.exists(),
    reason=f'{DATA} does not exist (set MMBOXCASEG_DATA to the folder of '
    'coco_mini and ecssd)')
