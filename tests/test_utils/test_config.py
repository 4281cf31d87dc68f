import os
from pathlib import Path

import pytest
from checkout import load_setup
from mmengine.config import Config

import mmboxcaseg
from mmboxcaseg import InputError
from mmboxcaseg.datasets.transforms import CropBoxes, PackCrops
from mmboxcaseg.utils import config

ROOT = Path(__file__).resolve().parents[2]
NAME = 'boxcaseg_hrnetv2-tiny_toy.py'


@pytest.fixture(params=['links', 'copies'])
def package(request, tmp_path, monkeypatch) -> Path:
    """A package with .mim as in an editable install or a wheel."""
    folder = tmp_path / 'mmboxcaseg'
    load_setup().add_mim_extension(folder, link=request.param == 'links')
    monkeypatch.setattr(config, 'CONFIGS', folder / '.mim/configs')
    monkeypatch.chdir(tmp_path)
    return folder


def test_configs_of_the_package(package):
    found = config.find_config(NAME)
    expected = package / '.mim/configs/toy' / NAME
    assert os.path.samefile(found, expected)
    cfg = config.read_config(NAME, dict(max_epochs=7))
    assert cfg.max_epochs == 7
    assert cfg.model.type == Config.fromfile(expected).model.type


def test_own_files_come_first(package):
    own = Path(NAME)
    own.write_text('seed = 1\n')
    assert config.find_config(NAME) == NAME
    assert config.read_config(NAME).seed == 1


@pytest.mark.parametrize('path', [f'toy/{NAME}', 'no.py', '*.py', 'toy'])
def test_only_names(package, path):
    assert config.find_config(path) == path
    with pytest.raises(InputError, match='config not found'):
        config.read_config(path)


def test_find_settings():
    node = dict(a=[dict(b=1), dict(b=2)], b=dict(c=3))
    assert config.find_settings(node, lambda key, _: key == 'b') == {
        'a.0.b': 1,
        'a.1.b': 2,
        'b': dict(c=3)
    }


def test_unknown_backend(tmp_path):
    path = tmp_path / 'a.py'
    path.write_text("data = [dict(backend_args=dict(backend='s4'))]")
    with pytest.raises(InputError, match=r"data.0.backend_args.*'s4'"):
        config.read_config(str(path))


def test_configs_are_in_the_package():
    assert config.CONFIGS == Path(mmboxcaseg.__file__).parent / '.mim/configs'


@pytest.mark.parametrize('kind, is_one', [
    ('CropBoxes', True),
    ('mmboxcaseg.CropBoxes', True),
    (CropBoxes, True),
    ('mmboxcaseg.PackCrops', False),
    (PackCrops, False),
])
def test_truncate_boxes(kind, is_one):
    pipeline = [dict(type=kind)]
    config.truncate_boxes(pipeline)
    assert ('truncate' in pipeline[0]) == is_one
