"""What the command line programs in tools/ have in common."""
import argparse
import os
import os.path as osp
from contextlib import contextmanager
from multiprocessing import Pool
from typing import Callable, Dict, Iterator, Optional, Sequence

import cv2
import mmcv
import numpy as np
import torch
from mmengine.config import Config, DictAction
from mmengine.fileio import isfile
from mmengine.model import is_model_wrapper
from mmengine.registry import RUNNERS
from mmengine.runner import CheckpointLoader, Runner
from mmengine.utils import track_iter_progress
from torch import nn

import mmboxcaseg
from mmboxcaseg.installed import find_config
from .distributed import init_distributed


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
    """End the program with the message of an error in its files.

    Such an error (ValueError or FileNotFoundError) says what to correct; a
    traceback would only hide it.
    """
    try:
        yield
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(str(error)) from None


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
    with Pool(nproc) as pool:
        results = pool.imap(func, tasks, chunksize=8)
        return list(track_iter_progress((results, len(tasks))))


def library_versions() -> Dict[str, str]:
    """Versions of all that shapes a mask, for the record of its making.

    Returns:
        dict[str, str]: Versions by name.
    """
    libraries = (mmboxcaseg, torch, mmcv, cv2, np)
    return {library.__name__: library.__version__ for library in libraries}


def check_weights(model: nn.Module, checkpoint: str) -> None:
    """End the program if a checkpoint lacks weights of a model.

    The runner would only warn, and leave them random.

    Args:
        model (nn.Module): The model, perhaps wrapped for many processes.
        checkpoint (str): Its checkpoint.
    """
    loaded = CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger=None)
    given = {
        name.removeprefix('module.')
        for name in loaded.get('state_dict', loaded)
    }
    if is_model_wrapper(model):
        model = model.module
    lost = [name for name in model.state_dict() if name not in given]
    if lost:
        raise SystemExit(
            f'{checkpoint} lacks {len(lost)} weights of the model of the '
            f'config ({", ".join(lost[:3])}, ...): use the config that it '
            'was trained with, and for a labeller the same `model.heads`.')


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
