"""The commands of docs/mim.md, as written, with the installed package."""
import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import List

import pytest
from checkout import copy_project
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[1]
LABELLER = 'boxcaseg_hrnetv2-tiny_toy'
DETECTOR = 'proxy-mask-rcnn_r18-tiny_toy'
# What makes a command of the document short.
SHORTER = {
    r'mim run \w+ make_toy': '--num-train 8 --num-val 4 --num-salient 14',
    r'mim (train|gridsearch)': '--cfg-options train_cfg.max_epochs=1'
}

pytestmark = pytest.mark.slow


def commands(section: str) -> List[str]:
    """The commands under one title of the document."""
    text = (ROOT / 'docs/mim.md').read_text('utf-8').replace('\\\n', ' ')
    body = text.split(f'\n## {section}\n')[1].split('\n## ')[0]
    return re.findall(r'^    (\S.*)$', body, re.MULTILINE)


class Shell:
    """A folder with a virtual environment, outside of the checkout.

    The stack comes from the environment of the tests: its packages are on
    the path behind those of the new one, but not the links of its editable
    installs. mmboxcaseg and openmim are installed anew, from a copy of the
    project.

    Args:
        folder (Path): The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv = folder / 'venv'
        # As a shell of a user has it: nothing leads to the checkout.
        self.env = {
            name: value
            for name, value in os.environ.items()
            if name not in ('PYTHONPATH', 'VIRTUAL_ENV')
        }
        self.env.update(
            PATH=f'{venv}/bin:{os.environ["PATH"]}', PYTHONWARNINGS='ignore')
        subprocess.run([sys.executable, '-m', 'venv', venv], check=True)
        self.packages = Path(
            self('python -c "import sysconfig; '
                 'print(sysconfig.get_path(\'purelib\'))"').strip())
        stack = sysconfig.get_path('purelib')
        (self.packages / 'stack.pth').write_text(f'{stack}\n')
        copy_project(folder / 'project')
        for command in commands('Install'):
            self(command, cwd='project')

    def __call__(self, command: str, cwd: str = '.') -> str:
        """Type a command; returns what it prints."""
        for pattern, options in SHORTER.items():
            if re.match(pattern, command):
                command = f'{command} {options}'
        result = subprocess.run(['bash', '-c', command],
                                cwd=self.folder / cwd,
                                env=self.env,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT,
                                text=True)
        assert result.returncode == 0, f'{command}\n{result.stdout}'
        return result.stdout


@pytest.fixture(scope='module')
def shell(tmp_path_factory) -> Shell:
    return Shell(tmp_path_factory.mktemp('mim'))


@pytest.fixture(scope='module')
def stages(shell) -> Shell:
    """The shell after the three stages."""
    for command in commands('Three stages'):
        shell(command)
    return shell


def test_installed_afresh(shell):
    for module in ('mmboxcaseg', 'mim'):
        path = shell(
            f'python -c "import {module}; print({module}.__path__[0])"')
        assert Path(path.strip()) == shell.packages / module
    assert not (shell.packages / 'mmboxcaseg/.mim').is_symlink()


def test_three_stages(stages):
    work_dirs = stages.folder / 'work_dirs'
    proxies = json.loads((work_dirs / 'demo/label.json').read_text())
    annotations = proxies['annotations']
    assert len(proxies['images']) == 8
    assert all('segmentation' in ann for ann in annotations)
    assert {ann['mask_source'].split('@')[0]
            for ann in annotations} == {LABELLER}
    assert (work_dirs / 'demo/report.html').is_file()
    for name in (LABELLER, DETECTOR):
        assert (work_dirs / name / 'epoch_1.pth').is_file()


def test_own_data(stages):
    command, = commands('Your own data')
    printed = stages(command)
    lines = re.findall(r'^    (.*)$', printed, re.MULTILINE)
    assert len(lines) == 5
    assert all(line.startswith('mim run mmboxcaseg ') for line in lines)
    check, train, *_ = lines
    assert '0 errors' in stages(check)
    stages(f'{train} --cfg-options train_cfg.max_epochs=1')
    assert (stages.folder / 'work_dirs/mine/labeller/epoch_1.pth').is_file()
    cfg = Config.fromfile(stages.folder / 'configs/mine/mine_labeller.py')
    assert cfg.work_dir == 'work_dirs/mine/labeller'
    base = (stages.packages / 'mmboxcaseg/.mim/configs/toy' / f'{LABELLER}.py')
    assert f"_base_ = '{base}'" in Path(cfg.filename).read_text()


def test_help_of_a_tool(shell):
    command = commands('Three stages')[-1]
    assert '--no-merge' in shell(command)


def test_search(shell):
    every, one, dataset, model, condition = map(shell, commands('Search'))
    assert LABELLER in every and DETECTOR in every
    assert 'toy/miou*' in one and '75.3' in one
    assert dataset.count('config id') == 5
    assert 'hrnetv2-w18' in dataset
    assert 'mask-rcnn_r50_fpn_13e_vocaug' in model
    assert 'proxy-rtmdet-ins_s_8xb32-300e_coco' in condition


def test_grid_search(stages):
    command, = commands('Grid search')
    stages(command)
    for lr in (0.001, 0.002):
        folder = f'lr_search_optim_wrapper.optimizer.lr_{lr}'
        cfg, = (stages.folder / 'work_dirs' / folder).glob('*.py')
        assert Config.fromfile(cfg).optim_wrapper.optimizer.lr == lr
        assert (cfg.parent / 'epoch_1.pth').is_file()


def test_download_says_what_there_is(shell):
    with pytest.raises(AssertionError, match='available datasets: coco2017'):
        shell('mim download mmboxcaseg --dataset voc2012')
