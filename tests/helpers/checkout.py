"""The project as it is packed and installed."""
import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns('.*', '__pycache__', 'build', 'data', 'dist',
                                  'site', 'work_dirs', '*.egg-info')


def load_setup() -> ModuleType:
    """Import setup.py."""
    spec = importlib.util.spec_from_file_location('setup', ROOT / 'setup.py')
    setup = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(setup)
    return setup


def copy_project(folder: Path) -> None:
    """Copy the checkout: a build leaves files where it runs."""
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    (folder / 'data').mkdir()
    shutil.copy(ROOT / 'data/README.md', folder / 'data')
