"""A tiny data set, and the real tools as processes."""
import os
import resource
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import List, Optional

import pytest
from mmengine.config import Config

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TOOLS = ROOT / 'tools'
# Only for processes that hang: a busy machine needs several minutes.
TIMEOUT = 900


def free_port() -> int:
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return server.getsockname()[1]


def limit_file_size(size: Optional[int]) -> None:
    if size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def tail(output: str, lines: int = 30) -> str:
    return '\n'.join(output.splitlines()[-lines:])


class Workspace:
    """A folder with data/toy, from which the tools are run.

    The configs of configs/toy find their data relative to the current
    folder, so they need no other paths here.

    Args:
        root (Path): The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def write_config(self, name: str, base: str, options: dict) -> Path:
        """Write a config that overrides settings of one in configs/.

        Args:
            name (str): Its name, without the suffix.
            base (str): The config it starts from, relative to configs/.
            options (dict): The settings, as in --cfg-options.

        Returns:
            Path: The file.
        """
        cfg = Config.fromfile(ROOT / 'configs' / base)
        cfg.merge_from_dict(options)
        path = self.root / f'{name}.py'
        cfg.dump(path)
        return path

    def start(self,
              tool: str,
              *args,
              file_size: Optional[int] = None,
              **env: str) -> subprocess.Popen:
        """Start a tool.

        Args:
            tool (str): Path below tools/.
            args: Its arguments.
            file_size (int, optional): Largest size of any file in bytes.
            env: Environment variables to add.
        """
        command: List[str] = [str(TOOLS / tool)]
        if tool.endswith('.py'):
            command.insert(0, sys.executable)
        return subprocess.Popen(
            command + [str(arg) for arg in args],
            cwd=self.root,
            env={
                **os.environ,
                # With one thread and no GPU the order of sums is fixed.
                'OMP_NUM_THREADS':
                '1',
                'CUDA_VISIBLE_DEVICES':
                '',
                'PORT':
                str(free_port()),
                'PYTHON':
                sys.executable,
                'PYTHONPATH':
                f'{HERE}:{ROOT}',
                **env
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=lambda: limit_file_size(file_size),
            start_new_session=True)

    def run(self, tool: str, *args, fails: bool = False, **kwargs) -> str:
        """Run a tool and return its output.

        Args:
            tool (str): Path below tools/.
            args: Its arguments.
            fails (bool): Whether it must fail. Defaults to False.
            kwargs: As for :meth:`start`.
        """
        return self.wait(self.start(tool, *args, **kwargs), tool, fails)

    def run_on_nodes(self, tool: str, *args, num: int = 2) -> None:
        """Run a dist_*.sh as on several machines, all on this one.

        Args:
            tool (str): Path below tools/.
            args: Its arguments.
            num (int): Number of machines. Defaults to 2.
        """
        shared = dict(
            NNODES=str(num), MASTER_ADDR='127.0.0.1', PORT=str(free_port()))
        nodes = [
            self.start(tool, *args, NODE_RANK=str(rank), **shared)
            for rank in range(num)
        ]
        try:
            for node in nodes:
                self.wait(node, tool)
        finally:
            for node in nodes:
                self.kill(node)

    def wait(self,
             process: subprocess.Popen,
             tool: str,
             fails: bool = False) -> str:
        """Wait for a tool and return its output.

        Args:
            process (subprocess.Popen): The process, see :meth:`start`.
            tool (str): Its name, for messages.
            fails (bool): Whether it must fail. Defaults to False.
        """
        try:
            output, _ = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill(process)
            output, _ = process.communicate()
            pytest.fail(f'{tool} ran over {TIMEOUT} s:\n{tail(output)}')
        if (process.returncode != 0) != fails:
            pytest.fail(f'{tool} ended with {process.returncode}:\n'
                        f'{tail(output)}')
        return output

    @staticmethod
    def kill(process: subprocess.Popen) -> None:
        """Kill a tool and its data loaders without any cleanup."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope='session')
def workspace(tmp_path_factory) -> Workspace:
    """A workspace with a toy set of few images."""
    workspace = Workspace(tmp_path_factory.mktemp('workspace'))
    workspace.run('dataset_converters/make_toy.py', '--num-train', '8',
                  '--num-val', '4', '--num-salient', '16', '--seed', '7')
    return workspace


@pytest.fixture(scope='session')
def labeller_config(workspace) -> Path:
    """The toy labeller for two epochs of two iterations.

    Its data loader has no persistent workers, so that the augmentation of an
    epoch does not depend on the epochs before.
    """
    return workspace.write_config(
        'labeller', 'toy/boxcaseg_hrnetv2-tiny_toy.py', {
            'train_cfg.max_epochs': 2,
            'train_cfg.val_interval': 2,
            'param_scheduler.0.end': 2,
            'param_scheduler.1.end': 2,
            'train_dataloader.persistent_workers': False,
            'default_hooks.checkpoint.interval': 1,
            'default_hooks.checkpoint.max_keep_ckpts': 2,
            'default_hooks.logger.interval': 1
        })


@pytest.fixture(scope='session')
def pipeline_config(workspace, labeller_config) -> Path:
    """The toy pipeline with detectors of one epoch."""
    short = {
        'train_cfg.max_epochs': 1,
        'train_cfg.val_interval': 1,
        'default_hooks.checkpoint.interval': 1
    }
    detector = workspace.write_config('detector',
                                      'toy/proxy-mask-rcnn_r18-tiny_toy.py',
                                      short)
    # No score is above 1: a baseline that finds nothing must not end the run.
    twin = workspace.write_config(
        'twin', 'toy/mask-rcnn_r18-tiny_toy.py',
        dict(short, **{'model.test_cfg.rcnn.score_thr': 1.1}))
    return workspace.write_config(
        'pipeline', 'toy/toy_pipeline.py',
        dict(
            labeller=labeller_config.name,
            detector=detector.name,
            twin=twin.name))


@pytest.fixture(scope='session')
def chain(workspace, pipeline_config) -> SimpleNamespace:
    """The one run of the whole pipeline that all tests share."""
    work_dir = workspace.root / 'work_dirs' / 'mini'
    command = ('run_pipeline.py', pipeline_config, '--work-dir', work_dir)
    output = workspace.run(*command)
    return SimpleNamespace(
        command=command,
        output=output,
        work_dir=work_dir,
        checkpoint=work_dir / 'labeller' / 'epoch_2.pth',
        proxy_file=work_dir / 'label.json',
        source=workspace.root / 'data/toy/annotations/boxes_train.json',
        truth=workspace.root / 'data/toy/annotations/instances_val.json')
