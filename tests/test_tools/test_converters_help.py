"""Converters print help fast and with an example; the docs name them."""
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'tools/dataset_converters'
TOOLS = sorted(
    path.stem for path in FOLDER.glob('*.py') if 'main()' in path.read_text())
DOCUMENTS = ('docs/converters.md', 'docs/other_tools.md', 'docs/proxy_file.md',
             'docs/quick_start.md')
CHECK = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
name, sys.argv = sys.argv[2], [sys.argv[2], '--help']
try:
    runpy.run_path(name, run_name='__main__')
finally:
    assert 'torch' not in sys.modules, 'PyTorch was imported'
"""


@pytest.mark.parametrize('name', TOOLS)
def test_help(name):
    """It has an example, and imports no PyTorch."""
    done = subprocess.run(
        [sys.executable, '-c', CHECK, FOLDER, FOLDER / f'{name}.py'],
        cwd=ROOT,
        capture_output=True,
        text=True)
    assert done.returncode == 0, done.stderr
    assert f'\n    python tools/dataset_converters/{name}.py' in done.stdout
    assert 'See docs/' in done.stdout.replace('\n', ' ')


@pytest.mark.parametrize('name', TOOLS)
def test_docs(name):
    text = ''.join((ROOT / path).read_text() for path in DOCUMENTS)
    assert f'    python tools/dataset_converters/{name}.py' in text


def test_skip_broken_is_an_option_of_all_converters():
    for name in TOOLS:
        text = (FOLDER / f'{name}.py').read_text()
        assert 'make_parser(__doc__' in text or name == 'make_toy'
