"""The real images of coco_mini and ECSSD, for tests that can use them."""
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The configs have the same default.
DATA = Path(os.getenv('MMBOXCASEG_DATA', ROOT / 'data')).resolve()
needs_real_images = pytest.mark.skipif(
    not (DATA / 'coco_mini').is_dir(),
    reason=f'{DATA}/coco_mini does not exist: set MMBOXCASEG_DATA to the '
    'folder of coco_mini and ecssd')
