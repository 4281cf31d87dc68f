"""What the command line programs in tools/ have in common."""
import argparse
import os
import os.path as osp
import signal
from contextlib import contextmanager
from multiprocessing import Pool
from tempfile import TemporaryFile
from typing import Callable, Dict, Iterator, Optional, Sequence

import cv2
import torch
from mmengine.config import Config, DictAction
from mmengine.fileio import isfile
from mmengine.model import is_model_wrapper
from mmengine.registry import RUNNERS
from mmengine.runner import CheckpointLoader, Runner
from mmengine.utils import track_iter_progress
from torch import nn

from mmboxcaseg.datasets.coco import check_target, first_few
from mmboxcaseg.utils.installed import find_config
from .distributed import init_distributed
from .explain import explain, system_message, unknown_backend


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that every tool takes.

    These are ``config``, ``--work-dir``, ``--cfg-options``, ``--launcher``
    and ``--local-rank``.

    Args:
        parser (argparse.ArgumentParser): The parser to extend.
    """
    parser.add_argument(
        'config', help='path of the config, or name of one of the package')
    parser.add_argument(
        '--work-dir',
        help='folder for logs and results; by default that of the config, '
        'or else work_dirs/ + the name of the config')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='settings of the config to override, as key=value. A list is '
        'written key="[a,b]" or key=a,b; nested ones and tuples likewise, '
        'key="[(a,b),(c,d)]". The quotation marks are needed, and white '
        'space is not allowed')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what started the processes of a distributed run')
    # Older launchers pass --local_rank=N, newer ones set LOCAL_RANK.
    parser.add_argument(
        '--local-rank',
        '--local_rank',
        type=int,
        default=0,
        help=argparse.SUPPRESS)


def check_file(path: str,
               what: str,
               backend_args: Optional[dict] = None) -> None:
    """End the program with one clear line if a file is not there.

    Args:
        path (str): The file as named by the user. An address such as
            ``https://...`` or ``torchvision://...`` is not checked.
        what (str): What the file is, for the message.
        backend_args (dict, optional): See :func:`mmengine.fileio.isfile`.
            Defaults to None.
    """
    if '://' not in path and not isfile(path, backend_args=backend_args):
        where = 'by `backend_args`' if backend_args else f'from {os.getcwd()}'
        raise SystemExit(f'{what} not found: {path} (looked for it {where})')


@contextmanager
def exit_on_bad_input() -> Iterator[None]:
    """End a program that reads and writes files with an error's message.

    Such an error (ValueError or OSError) says what to correct; a traceback
    would only hide it.
    """
    try:
        yield
    except OSError as error:
        raise SystemExit(system_message(error)) from None
    except ValueError as error:
        raise SystemExit(str(error)) from None


@contextmanager
def exit_on_bad_config(cfg: Config) -> Iterator[None]:
    """End a program that runs a config with an error's message.

    An error that only whoever wrote the code can mend, see :func:`explain`,
    keeps its traceback.

    Args:
        cfg (Config): The config.
    """
    try:
        yield
    except Exception as error:
        message = explain(error, cfg)
        if message is None:
            raise
        raise SystemExit(message) from None


def run_parallel(func: Callable, tasks: Sequence, nproc: int) -> list:
    """Call a function for every task, in several processes, with a bar.

    Args:
        func (Callable): The function; what it gets and returns is pickled.
        tasks (Sequence): Its argument in each call, one or more.
        nproc (int): Number of processes.

    Returns:
        list: Its results in the order of the tasks.
    """
    # Here and not in the processes: there OpenCV would wait for threads of
    # this one, which they do not have.
    cv2.setNumThreads(1)
    # Ctrl-C reaches all processes; this one ends the others.
    ignore = signal.SIGINT, signal.SIG_IGN
    with Pool(nproc, initializer=signal.signal, initargs=ignore) as pool:
        results = pool.imap(func, tasks, chunksize=8)
        return list(track_iter_progress((results, len(tasks))))


def read_checkpoint(path: str, what: str = 'checkpoint') -> Dict[str, tuple]:
    """Read a checkpoint, or end the program if it is none.

    Args:
        path (str): The file.
        what (str): What the file is, for the message. Defaults to
            'checkpoint'.

    Returns:
        dict[str, tuple]: Shapes of its weights by their names.
    """
    check_file(path, what)
    try:
        loaded = CheckpointLoader.load_checkpoint(path, 'cpu', logger=None)
        weights = loaded.get('state_dict', loaded)
        return {
            name.removeprefix('module.'): tuple(weight.shape)
            for name, weight in weights.items() if torch.is_tensor(weight)
        }
    except Exception as error:  # torch raises many kinds
        raise SystemExit(
            f'{what}: {path} is no checkpoint, or was cut short '
            f'({type(error).__name__}). Copy it again, or name another '
            'one.') from error


def check_weights(model: nn.Module, checkpoint: str) -> None:
    """End the program if a checkpoint is not of a model.

    The runner would only warn, and leave weights random.

    Args:
        model (nn.Module): The model, perhaps wrapped for many processes.
        checkpoint (str): Its checkpoint.
    """
    given = read_checkpoint(checkpoint)
    if is_model_wrapper(model):
        model = model.module
    lost = [
        name for name, weight in model.state_dict().items()
        if given.get(name) != tuple(weight.shape)
    ]
    if lost:
        raise SystemExit(
            f'{checkpoint} lacks {len(lost)} weights of the model of the '
            f'config, or has them in other shapes ({first_few(lost, 3)}): '
            'use the '
            'config that it was trained with, and for a labeller the same '
            'heads.')


def check_folder(path: str, what: str) -> None:
    """Make a folder, or end the program if nothing can be written to it.

    Args:
        path (str): The folder.
        what (str): What it is, for the message.
    """
    try:
        os.makedirs(path, exist_ok=True)
        TemporaryFile(dir=path).close()
    except OSError as error:
        raise SystemExit(f'{what} {path} cannot be written: {error.strerror}. '
                         'Make it writable, make room, or choose '
                         'another.') from error


def check_output(path: str) -> None:
    """End the program before it works for a file that cannot be written.

    Args:
        path (str): The file, which may be there already. Its folder is made.
    """
    with exit_on_bad_input():
        check_target(path)
    check_folder(osp.dirname(osp.abspath(path)), 'folder')


def read_config(path: str, options: Optional[dict] = None) -> Config:
    """Read a config, or end the program and say why it cannot be read.

    Args:
        path (str): The config file, see :func:`find_config`.
        options (dict, optional): Settings to override.

    Returns:
        Config: The config.
    """
    path = find_config(path)
    check_file(path, 'config')
    try:
        cfg = Config.fromfile(path)
        cfg.merge_from_dict(options or {})
    except Exception as error:  # a config is a program, it may do anything
        raise SystemExit(f'{path} cannot be read as a config: '
                         f'{type(error).__name__}: {error}') from error
    problem = unknown_backend(cfg)
    if problem:
        raise SystemExit(f'{path} cannot be run: {problem}')
    return cfg


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and apply the arguments of the command line to it.

    The process group of a distributed run without a GPU is made here too,
    see :func:`init_distributed`.

    Args:
        args (argparse.Namespace): The parsed arguments of
            :func:`add_common_arguments`.

    Returns:
        Config: The config with ``launcher`` and ``work_dir`` set.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.splitext(osp.basename(args.config))[0]
        cfg.work_dir = osp.join('work_dirs', name)
    check_folder(cfg.work_dir, 'work folder')
    init_distributed(args.launcher, cfg)
    return cfg


def build_runner(cfg: Config) -> Runner:
    """Build the runner a config asks for.

    Args:
        cfg (Config): The config, of which ``runner_type`` may name a runner
            other than MMEngine's.

    Returns:
        Runner: The runner, ready to train or test.
    """
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return Runner.from_cfg(cfg)
