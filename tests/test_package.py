import configparser
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import load_setup
from packaging.requirements import Requirement

import mmboxcaseg
from mmboxcaseg import REQUIRED, check_versions, find_versions, registry

ROOT = Path(__file__).resolve().parents[1]
LOWEST = {name: lowest for name, (_, lowest, _) in REQUIRED.items()}
TOO_NEW = {name: too_new for name, (_, _, too_new) in REQUIRED.items()}


def read_metadata() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg')
    return config


def parse_requirements(text: str) -> dict:
    lines = [line for line in text.splitlines() if line.strip()]
    parsed = [Requirement(line) for line in lines if line[0] != '#']
    return {requirement.name: requirement.specifier for requirement in parsed}


def test_installed_versions_fit():
    check_versions(find_versions())
    check_versions(LOWEST)


@pytest.mark.parametrize('module', REQUIRED)
@pytest.mark.parametrize('version', ['too old', 'too new', None])
def test_versions_out_of_range(module, version):
    found = dict(LOWEST)
    found[module] = {
        'too old': '0.0.1',
        'too new': TOO_NEW[module]
    }.get(version)
    with pytest.raises(RuntimeError) as error:
        check_versions(found)
    message = str(error.value)
    # what is installed, what is wanted, what to do about it
    distribution, lowest, too_new = REQUIRED[module]
    assert f'{module}: installed {found[module] or "nothing"}' in message
    assert f'wanted >={lowest}, <{too_new}' in message
    assert f"'{distribution}>={lowest},<{too_new}'" in message
    # and only about what is wrong
    assert message.count('wanted') == 1


def test_metadata_agrees_with_package():
    metadata = read_metadata()
    assert metadata['metadata']['name'] == mmboxcaseg.__name__
    options = parse_requirements(
        metadata['options']['install_requires'] +
        metadata['options.extras_require']['mminstall'])
    pins = parse_requirements((ROOT / 'requirements.txt').read_text())
    for distribution, lowest, too_new in REQUIRED.values():
        assert options[distribution] == f'>={lowest},<{too_new}'
        pinned, = pins[distribution]
        assert pinned.operator == '=='
        assert pinned.version in options[distribution]


@pytest.mark.parametrize('name, root, location', [
    ('MODELS', 'model', 'mmboxcaseg.models'),
    ('DATASETS', 'dataset', 'mmboxcaseg.datasets'),
    ('TRANSFORMS', 'transform', 'mmboxcaseg.datasets.transforms'),
    ('DATA_SAMPLERS', 'data sampler', 'mmboxcaseg.datasets'),
    ('HOOKS', 'hook', 'mmboxcaseg.engine.hooks'),
    ('OPTIM_WRAPPERS', 'optim_wrapper', 'mmboxcaseg.engine'),
    ('METRICS', 'metric', 'mmboxcaseg.evaluation'),
])
def test_registry(name, root, location):
    child = getattr(registry, name)
    assert child.scope == 'mmboxcaseg'
    assert child.parent.scope == 'mmengine'
    assert child.parent.name == root
    assert all(place.startswith(location) for place in child._locations)
    # every location imports, and whatever it registers is ours
    child.import_from_location()
    for registered in child.module_dict.values():
        assert registered.__module__.startswith('mmboxcaseg.')
    # and nothing of that room is missed
    before = set(child.module_dict)
    folder = ROOT.joinpath(*location.split('.'))
    for path in folder.rglob('[!_]*.py'):
        importlib.import_module('.'.join(
            path.relative_to(ROOT).with_suffix('').parts))
    assert set(child.module_dict) == before


def test_found_from_mmdet_scope_without_custom_imports():
    # In a process of its own: here mmboxcaseg is imported already.
    code = ('import sys\n'
            'from mmdet.registry import MODELS\n'
            'from mmengine.registry import init_default_scope\n'
            'init_default_scope("mmdet")\n'
            'assert "mmboxcaseg" not in sys.modules\n'
            'model = MODELS.get("mmboxcaseg.BoxCaseg")\n'
            'assert model.__module__ == "mmboxcaseg.models.boxcaseg", model\n')
    result = subprocess.run([sys.executable, '-c', code])
    assert result.returncode == 0


@pytest.mark.parametrize('link', [True, False])
def test_mim_extension(tmp_path, link):
    setup = load_setup()
    stale = tmp_path / '.mim' / 'configs' / 'stale.py'
    stale.parent.mkdir(parents=True)
    stale.touch()

    setup.add_mim_extension(tmp_path, link=link)
    for name in setup.MIM_SOURCES:
        target = tmp_path / '.mim' / name
        assert target.exists()
        assert os.path.islink(target) == link
    assert not stale.exists()


def test_config_names_are_unique():
    # mim finds a config by its base name alone.
    names = [
        path.name for path in (ROOT / 'configs').rglob('*.py')
        if '_base_' not in path.parts
    ]
    assert len(names) == len(set(names))
