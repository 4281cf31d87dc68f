"""The wheel and the sdist hold the right files, and no others."""
import os
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path
from types import SimpleNamespace

import pytest
from checkout import copy_project, load_setup

ROOT = Path(__file__).resolve().parents[1]
# Files that a checkout may contain but that are not part of the project.
FOREIGN = ('.venv/lib/torch.py', 'data/toy/train/0.jpg', 'dist/old.whl',
           'demo/.ipynb_checkpoints/quick_start.ipynb',
           'work_dirs/demo/epoch_1.pth', 'mmboxcaseg/.mim/configs/stale.py',
           'mmboxcaseg/__pycache__/registry.cpython-311.pyc',
           'configs/toy/__pycache__/toy_pipeline.cpython-311.pyc',
           'tools/__pycache__/train.cpython-311.pyc')
BUILD = '''
import sys
from setuptools.build_meta import __legacy__ as backend
print(getattr(backend, f'build_{sys.argv[1]}')(sys.argv[2]))
'''


def build(kind: str, source: Path, out: Path) -> Path:
    """Build what pip builds, without build isolation."""
    result = subprocess.run([sys.executable, '-c', BUILD, kind, out],
                            cwd=source,
                            capture_output=True,
                            text=True)
    assert result.returncode == 0, result.stderr
    return out / result.stdout.splitlines()[-1]


def files_in(folder: Path) -> set:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob('*') if path.is_file()
    }


@pytest.fixture(scope='module')
def built(tmp_path_factory) -> SimpleNamespace:
    """Both distributions of a copy of the checkout, and its files."""
    folder = tmp_path_factory.mktemp('distributions')
    source = folder / 'source'
    copy_project(source)
    files = files_in(source)
    for path in FOREIGN:
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).touch()

    sdist = build('sdist', source, folder)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter='data')
    unpacked = folder / sdist.name.removesuffix('.tar.gz')
    return SimpleNamespace(
        source=source,
        files=files,
        unpacked=unpacked,
        in_sdist=files_in(unpacked),
        wheel=build('wheel', source, folder),
        wheel_of_sdist=build('wheel', unpacked, folder / 'of_sdist'))


def names(wheel: Path) -> set:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if name[-1] != '/'}


def test_sdist_is_the_project(built):
    added = {
        path
        for path in built.in_sdist
        if path == 'PKG-INFO' or path.startswith('mmboxcaseg.egg-info/')
    }
    assert built.in_sdist - added == built.files
    for file in built.files - {'setup.cfg'}:  # setuptools adds to it
        ours, theirs = built.source / file, built.unpacked / file
        assert ours.read_bytes() == theirs.read_bytes(), file
        assert os.access(ours, os.X_OK) == os.access(theirs, os.X_OK), file


def test_wheel_is_the_package(built):
    package = {path for path in built.files if path.startswith('mmboxcaseg/')}
    assert {
        'mmboxcaseg/datasets/coco/schema.json',
        'mmboxcaseg/visualization/report/report.html.j2'
    } < package
    mim = {
        f'mmboxcaseg/.mim/{path}'
        for path in built.files if path.startswith(('configs/', 'tools/'))
        or path in ('model-index.yml', 'dataset-index.yml')
    } - {'mmboxcaseg/.mim/tools/setup_env.sh'}
    mim = {path for path in mim if '/benchmarks/' not in path}
    assert 'mmboxcaseg/.mim/tools/templates/labeller.py.j2' in mim
    assert {name
            for name in names(built.wheel)
            if '.dist-info/' not in name} == package | mim


def test_scripts_stay_executable(built):
    with zipfile.ZipFile(built.wheel) as archive:
        scripts = [
            info for info in archive.infolist()
            if info.filename.endswith('.sh')
        ]
    assert len(scripts) > 6
    for info in scripts:
        source = built.source / info.filename.split('.mim/')[1]
        executable = bool(info.external_attr >> 16 & 0o100)
        assert executable == os.access(source, os.X_OK), info.filename


def test_wheel_of_the_sdist(built):
    assert names(built.wheel_of_sdist) == names(built.wheel)


def test_metadata(built):
    with zipfile.ZipFile(built.wheel) as archive:
        path, = (name for name in archive.namelist() if 'METADATA' in name)
        metadata = message_from_bytes(archive.read(path))
    assert metadata['Name'] == 'mmboxcaseg'
    assert metadata['Description-Content-Type'] == 'text/markdown'
    assert metadata['Project-URL'] == 'Paper, https://arxiv.org/abs/2104.01526'


def test_description_has_no_dead_links():
    text = load_setup().long_description()
    links = [part.split(')')[0] for part in text.split('](')[1:]]
    assert links
    assert all(link.startswith('https://') for link in links)
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    assert len(text.splitlines()) > 0.9 * len(readme.splitlines())
