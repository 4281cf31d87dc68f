import os
from pathlib import Path

import pytest
from checkout import load_setup
from mmengine.config import Config

from mmboxcaseg.utils import installed
from mmboxcaseg.utils.cli import read_config

ROOT = Path(__file__).resolve().parents[2]
NAME = 'boxcaseg_hrnetv2-tiny_toy.py'


@pytest.fixture(params=['links', 'copies'])
def package(request, tmp_path, monkeypatch) -> Path:
    """A package with .mim as in an editable install or in a wheel."""
    folder = tmp_path / 'mmboxcaseg'
    load_setup().add_mim_extension(folder, link=request.param == 'links')
    monkeypatch.setattr(installed, 'CONFIGS', folder / '.mim/configs')
    monkeypatch.chdir(tmp_path)
    return folder


def test_configs_of_the_package(package):
    found = installed.find_config(NAME)
    expected = package / '.mim/configs/toy' / NAME
    assert os.path.samefile(found, expected)
    cfg = read_config(NAME, dict(max_epochs=7))
    assert cfg.max_epochs == 7
    assert cfg.model.type == Config.fromfile(expected).model.type


def test_own_files_come_first(package):
    own = Path(NAME)
    own.write_text('seed = 1\n')
    assert installed.find_config(NAME) == NAME
    assert read_config(NAME).seed == 1


@pytest.mark.parametrize('path', [f'toy/{NAME}', 'no.py', '*.py', 'toy'])
def test_only_names(package, path):
    assert installed.find_config(path) == path
    with pytest.raises(SystemExit, match='config not found'):
        read_config(path)
