import argparse
import logging
import math
import multiprocessing
import os
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Iterator

import mmengine.logging
import numpy as np
import pytest
from small_data import ROOT

from mmboxcaseg import InputError
from mmboxcaseg.utils import cli

TOOLS = ROOT / 'tools'


def parse(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.add_common_arguments(parser)
    return parser.parse_args([str(arg) for arg in argv])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work folders are made where the tests run."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / 'tiny_1x.py'
    path.write_text('model = dict(type="mmdet.ResNet", depth=18)\n'
                    'steps = [1, 2]\n')
    return path


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_help(tool):
    done = subprocess.run([sys.executable, TOOLS / f'{tool}.py', '--help'],
                          capture_output=True,
                          text=True,
                          check=True)
    for option in ('--work-dir', '--cfg-options', '--launcher'):
        assert option in done.stdout


def test_load_config(config):
    cfg = cli.load_config(
        parse(config, '--cfg-options', 'model.depth=50', 'steps=[3,4]'))
    assert cfg.model == dict(type='mmdet.ResNet', depth=50)
    assert cfg.steps == [3, 4]
    assert cfg.launcher == 'none'
    assert cfg.work_dir == 'work_dirs/tiny_1x'


@pytest.mark.parametrize('text, value', [
    ('my data/it is.json', 'my data/it is.json'),
    ('"my data"', 'my data'),
    ('[1, 2]', [1, 2]),
    ('a, b', ['a', 'b']),
    ('None', None),
    ('"a,(b"', 'a,(b'),
    ("'[a]/b,c'", '[a]/b,c'),
    ('"[a,b]"', ['a', 'b']),
    ('"a","b"', ['a', 'b']),
    ('["a b",c]', ['ab', 'c']),
    ('""', ''),
])
def test_values_of_options(config, text, value):
    cfg = cli.load_config(parse(config, '--cfg-options', f'key={text}'))
    assert cfg.key == value


@pytest.mark.parametrize('path', [
    '/data/all.json', '/my, data/all.json', '/data (1/[2], 3/all.json',
    '/"my", data', "/it's, mine", '/a=b,c'
])
def test_paths_between_programs(config, path):
    option = cli.path_setting('a.b', path)
    cfg = cli.load_config(parse(config, '--cfg-options', option))
    assert cfg.a.b == path
    assert option == f'a.b={path}' or set(path) & set(',[(')


@pytest.mark.parametrize('text', ['model', 'steps=[1,2', 'load_from=a(,b'])
def test_options_that_are_no_settings(config, capsys, text):
    with pytest.raises(SystemExit):
        parse(config, '--cfg-options', 'a=1', text)
    assert f'--cfg-options: {text} is not key=value' in capsys.readouterr().err


def test_work_dir_priority(config):
    option = ('--cfg-options', 'work_dir=from_config')
    assert cli.load_config(parse(config, *option)).work_dir == 'from_config'
    args = parse(config, *option, '--work-dir', 'from_cli')
    assert cli.load_config(args).work_dir == 'from_cli'


@pytest.mark.parametrize('flag', ['--local-rank', '--local_rank'])
def test_local_rank(config, monkeypatch, flag):
    monkeypatch.delenv('LOCAL_RANK', raising=False)
    monkeypatch.setattr(cli.os, 'environ', dict(cli.os.environ))
    cli.load_config(parse(config, f'{flag}=3'))
    assert cli.os.environ['LOCAL_RANK'] == '3'


def test_refused_input_ends_a_program(tmp_path):
    with pytest.raises(SystemExit, match='^a.json: no boxes$'):
        with cli.exit_on_bad_input():
            raise InputError('a.json: no boxes')
    with pytest.raises(SystemExit, match=f'^{tmp_path}: Is a directory$'):
        with cli.exit_on_bad_input():
            open(tmp_path)


def test_full_disk():
    with pytest.raises(SystemExit, match='^No space left on device.*--resume'):
        with cli.exit_on_bad_input(), open('/dev/full', 'w') as file:
            file.write('a')


@pytest.mark.parametrize('bug', [
    lambda: np.ones(2) + np.ones(3),
    lambda: [].index(1),
    lambda: {}['key'],
])
def test_bugs_keep_their_traceback(bug):
    with pytest.raises((KeyError, ValueError)) as error:
        with cli.exit_on_bad_input():
            bug()
    assert error.traceback[-1].name == '<lambda>'


def test_debug_messages_are_dropped(capsys):
    mmengine.logging.print_log('detail', level=logging.DEBUG)
    mmengine.logging.print_log('warning', level=logging.WARNING)
    assert capsys.readouterr().out == 'warning\n'


@pytest.mark.parametrize('policy', [None, 'ACTIVE'])
def test_threads_wait_passively(policy):
    env = {k: v for k, v in os.environ.items() if k != 'OMP_WAIT_POLICY'}
    if policy:
        env['OMP_WAIT_POLICY'] = policy
    code = ('import os, mmboxcaseg.utils.cli\n'
            'print(os.environ["OMP_WAIT_POLICY"])')
    done = subprocess.run([sys.executable, '-c', code],
                          env=env,
                          capture_output=True,
                          text=True,
                          check=True)
    assert done.stdout.strip() == (policy or 'PASSIVE')


def test_run_parallel():
    squares = [i * i for i in range(50)]
    assert cli.run_parallel(math.sqrt, squares, 3) == list(range(50))
    # An error of a process is that of the call, and ends them all.
    with pytest.raises(ValueError, match='math domain error'):
        cli.run_parallel(math.sqrt, [4, -1, 9], 2)
    assert not multiprocessing.active_children()


def touch_slowly(path: Path) -> None:
    time.sleep(0.02)
    path.touch()


@pytest.mark.parametrize('place', ['before all are begun', 'between results'])
def test_interrupted_run_parallel_leaves_the_rest(tmp_path, monkeypatch,
                                                  place):
    paths = [tmp_path / str(i) for i in range(400)]

    def interrupted(items, number):
        yield from islice(items, number)
        raise KeyboardInterrupt

    if place == 'between results':
        monkeypatch.setattr(cli, 'track',
                            lambda results, total: interrupted(results, 8))
    else:
        paths = Tasks(interrupted(paths, 100))
    with pytest.raises(KeyboardInterrupt):
        cli.run_parallel(touch_slowly, paths, 2)
    assert len(list(tmp_path.iterdir())) < 90


class Tasks:
    """Tasks whose number is known before they are."""

    def __init__(self, tasks: Iterator[Path]) -> None:
        self.tasks = tasks

    def __len__(self) -> int:
        return 400

    def __iter__(self) -> Iterator[Path]:
        return self.tasks


def test_nothing_is_printed_about_onedl():
    code = 'import mmboxcaseg.utils.cli, mmdet.datasets.transforms'
    done = subprocess.run([sys.executable, '-c', code],
                          capture_output=True,
                          text=True,
                          check=True)
    assert 'OneDL' not in done.stdout + done.stderr
