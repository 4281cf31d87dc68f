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

import mmengine.device
import mmengine.logging
import numpy as np
import pytest
import torch
from mmengine.config import Config
from small_data import load_tool
from torch import nn

from mmboxcaseg import InputError
from mmboxcaseg.utils import cli, runner

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / 'tools'
SHELL_SCRIPTS = sorted(TOOLS.glob('*.sh')) + [ROOT / '.ci' / 'run']


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
    weights = tmp_path / 'weights.pth'
    torch.save(dict(), weights)
    path = tmp_path / 'tiny_1x.py'
    path.write_text('model = dict(type="mmdet.ResNet", depth=18)\n'
                    'steps = [1, 2]\n'
                    f'load_from = {str(weights)!r}\n'
                    'train_dataloader = dict(dataset=dict())\n'
                    'train_cfg = dict()\n'
                    'optim_wrapper = dict(type="OptimWrapper")\n')
    return path


@pytest.fixture
def run_train(monkeypatch, config):
    """Runs train.py up to the runner, and returns the config it would use."""

    def run(*argv: str, device: str = 'cpu') -> Config:
        tool = load_tool('train')
        built = []

        class Runner:

            train_dataloader = [None]
            model = nn.Module()

            def __init__(self, cfg, *loops):
                built.append(cfg)

            def train(self):
                pass

        monkeypatch.setattr(runner, 'build_runner', Runner)
        monkeypatch.setattr(mmengine.device, 'get_device', lambda: device)
        monkeypatch.setattr(sys, 'argv', ['train.py', str(config), *argv])
        tool.main()
        return built[0]

    return run


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


def test_missing_config():
    with pytest.raises(InputError, match='config not found: no/such.py'):
        cli.load_config(parse('no/such.py'))


def test_missing_checkpoint(config, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['test.py', str(config), 'no/such.pth'])
    with pytest.raises(SystemExit, match='checkpoint not found: no/such.pth'):
        load_tool('test').main()


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


def test_bug_in_a_program_keeps_its_traceback(tiny_coco, tmp_path):
    """A broadcasting error of NumPy is a ValueError, but not the user's."""
    program = tmp_path / 'program.py'
    program.write_text(f"""
import sys
sys.path.insert(0, {str(TOOLS / 'dataset_converters')!r})
import boxes_only
boxes_only.np.random.default_rng = lambda seed: boxes_only.np.ones(2) + [1] * 3
boxes_only.main()
""")
    done = subprocess.run([
        sys.executable, program,
        tiny_coco()['ann_file'], tmp_path / 'out.json', '--num-images', '2'
    ],
                          capture_output=True,
                          text=True)
    assert done.returncode == 1
    assert 'Traceback' in done.stderr
    assert 'operands could not be broadcast' in done.stderr


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
    assert done.stdout.strip() == policy or 'PASSIVE'


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


def test_out_must_be_pickle(config, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, 'argv',
        ['test.py', str(config), 'x.pth', '--out', 'x.json'])
    with pytest.raises(SystemExit):
        load_tool('test').main()
    assert '--out must end in .pkl' in capsys.readouterr().err


def test_train_plain(run_train, tmp_path):
    cfg = run_train()
    assert cfg.load_from == str(tmp_path / 'weights.pth')
    assert not cfg.get('resume')


def test_resume(run_train, tmp_path):
    # a first run: nothing to resume from, the config's weights are loaded
    work_dir = ('--work-dir', str(tmp_path))
    cfg = run_train('--resume', *work_dir)
    assert cfg.load_from == str(tmp_path / 'weights.pth')
    assert not cfg.get('resume')

    checkpoint = tmp_path / 'iter_5.pth'
    torch.save(
        dict(meta={}, state_dict={}, optimizer={}, message_hub={}), checkpoint)
    (tmp_path / 'last_checkpoint').write_text(str(checkpoint))
    for argv in [('--resume', ), ('--resume', str(checkpoint))]:
        cfg = run_train(*work_dir, *argv)
        assert cfg.resume
        assert cfg.load_from == str(checkpoint)

    with pytest.raises(SystemExit, match='checkpoint not found'):
        run_train('--resume', 'no/such.pth')
    torch.save(dict(meta={}, state_dict={}), checkpoint)
    with pytest.raises(SystemExit, match='has no message_hub, optimizer'):
        run_train('--resume', str(checkpoint))


def test_auto_scale_lr(run_train):
    option = ('--cfg-options', 'auto_scale_lr.base_batch_size=16')
    assert run_train('--auto-scale-lr', *option).auto_scale_lr.enable
    with pytest.raises(SystemExit, match='base_batch_size'):
        run_train('--auto-scale-lr')


def test_amp_without_gpu(run_train):
    options = ('--cfg-options', 'label_dataloader.batch_size=1')
    assert run_train(
        '--amp',
        *options).optim_wrapper == dict(type='mmboxcaseg.BFloat16OptimWrapper')
    with pytest.raises(SystemExit, match='only labellers'):
        run_train('--amp')


@pytest.mark.parametrize('before',
                         ['OptimWrapper', 'mmboxcaseg.BFloat16OptimWrapper'])
def test_amp_with_gpu(run_train, before):
    options = ('--cfg-options', f'optim_wrapper.type={before}')
    cfg = run_train('--amp', *options, device='cuda')
    assert cfg.optim_wrapper == dict(
        type='AmpOptimWrapper', loss_scale='dynamic')


def test_amp_of_another_wrapper(run_train):
    with pytest.raises(SystemExit, match='cannot replace ApexOptimWrapper'):
        run_train(
            '--amp',
            '--cfg-options',
            'optim_wrapper.type=ApexOptimWrapper',
            device='cuda')


@pytest.mark.parametrize('script', SHELL_SCRIPTS, ids=lambda path: path.name)
def test_shell_script(script):
    subprocess.run(['bash', '-n', script], check=True)
    assert script.stat().st_mode & 0o100, f'{script} is not executable'


# What a cluster script is given before the arguments of the Python tool.
POSITIONAL = dict(
    train=['a config.py'],
    test=['a config.py', 'x.pth'],
    label=['a config.py', 'x.pth', 'out.json'])


@pytest.fixture
def run_script(tmp_path):
    """Runs a script with a stand-in that shows what would be started."""
    fake = tmp_path / 'srun'
    fake.write_text('#!/bin/sh\nfor arg; do echo "<$arg>"; done\n')
    fake.chmod(0o755)

    def run(name: str, *args: str, **env: str) -> list:
        done = subprocess.run(
            [TOOLS / name, *args, '--cfg-options', 'key=[1, 2]'],
            env=dict(PATH=f'{tmp_path}:/usr/bin:/bin', **env),
            capture_output=True,
            text=True,
            check=True)
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize('tool, positional', POSITIONAL.items())
def test_dist_script(tool, positional, run_script, tmp_path):
    lines = run_script(
        f'dist_{tool}.sh',
        *positional,
        '2',
        NNODES='3',
        NODE_RANK='1',
        MASTER_ADDR='host',
        PORT='123',
        PYTHON=str(tmp_path / 'srun'))
    for argument in ('--nproc_per_node=2', '--nnodes=3', '--node_rank=1',
                     '--master_addr=host', '--master_port=123'):
        assert f'<{argument}>' in lines
    start = lines.index(f'<{TOOLS}/{tool}.py>')
    assert lines[start + 1:] == [
        f'<{argument}>' for argument in (*positional, '--cfg-options',
                                         'key=[1, 2]', '--launcher', 'pytorch')
    ]


@pytest.mark.parametrize('tool, positional', POSITIONAL.items())
def test_slurm_script(tool, positional, run_script):
    # As in mmdet, the working folder of a training has a place of its own.
    work_dir = ['my work'] if tool == 'train' else []
    lines = run_script(
        f'slurm_{tool}.sh',
        'gpu',
        'name',
        *positional,
        *work_dir,
        GPUS='16',
        SRUN_ARGS='--quiet --time=9')
    for argument in ('--partition=gpu', '--job-name=name', '--ntasks=16',
                     '--ntasks-per-node=8', '--gres=gpu:8', '--quiet',
                     '--time=9'):
        assert f'<{argument}>' in lines
    if work_dir:
        positional = [*positional, '--work-dir', *work_dir]
    start = lines.index(f'<{TOOLS}/{tool}.py>')
    assert lines[start + 1:] == [
        f'<{argument}>' for argument in (*positional, '--cfg-options',
                                         'key=[1, 2]', '--launcher', 'slurm')
    ]


@pytest.mark.parametrize('tool', POSITIONAL)
@pytest.mark.parametrize('kind', ['dist', 'slurm'])
def test_script_usage(kind, tool):
    done = subprocess.run([TOOLS / f'{kind}_{tool}.sh'],
                          capture_output=True,
                          text=True)
    assert done.returncode == 2
    assert done.stderr.startswith('usage: ')


def test_nothing_is_printed_about_onedl():
    code = 'import mmboxcaseg.utils.cli, mmdet.datasets.transforms'
    done = subprocess.run([sys.executable, '-c', code],
                          capture_output=True,
                          text=True,
                          check=True)
    assert 'OneDL' not in done.stdout + done.stderr
