"""Programs parse their arguments before they import PyTorch and mmdet."""
import subprocess
import sys

import pytest
from small_data import ROOT

PROGRAMS = sorted(
    str(path.relative_to(ROOT / 'tools'))[:-3]
    for path in (ROOT / 'tools').rglob('*.py')
    if '__main__' in path.read_text() and path.parent.name != 'benchmarks')
HEAVY = {'torch', 'torchvision', 'mmcv', 'mmdet', 'mmpretrain', 'scipy.stats'}
CODE = f"""
import importlib.util, sys
for path in sys.argv[1:]:
    sys.path.insert(0, path.rpartition('/')[0])
    spec = importlib.util.spec_from_file_location('tool', path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    heavy = {HEAVY} & set(sys.modules)
    assert not heavy, (path, heavy)
"""


@pytest.mark.parametrize(
    'folder',
    ['', 'analysis_tools/', 'dataset_converters/', 'model_converters/'])
def test_light_imports(folder):
    paths = [
        f'{ROOT}/tools/{name}.py' for name in PROGRAMS
        if name.rpartition('/')[0] == folder.rstrip('/')
    ]
    assert paths
    subprocess.run([sys.executable, '-c', CODE, *paths], check=True)


def test_all_are_tested():
    assert {'train', 'analysis_tools/draw_results'} < set(PROGRAMS)
    assert {name.rpartition('/')[0]
            for name in PROGRAMS} == {
                '', 'analysis_tools', 'dataset_converters', 'model_converters'
            }
