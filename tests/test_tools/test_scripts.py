"""The shell scripts: what they start."""
import subprocess

import pytest
from small_data import ROOT

TOOLS = ROOT / 'tools'
SHELL_SCRIPTS = sorted(TOOLS.glob('*.sh')) + [ROOT / '.ci' / 'run']


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
