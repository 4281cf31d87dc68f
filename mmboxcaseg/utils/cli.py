"""Functions that the programs in tools/ share. Imports no PyTorch.

Import it before PyTorch and mmdet, because it sets OMP_WAIT_POLICY and
replaces mmengine's print_log.
"""
import argparse
import errno
import logging
import os
import os.path as osp
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import wraps
from tempfile import TemporaryFile
from typing import Any, Callable, Iterator, Optional, Sequence

import cv2
import mmengine.logging
from mmengine.config import Config, DictAction

from mmboxcaseg import InputError, track
from mmboxcaseg.datasets.coco import check_target
from .config import read_config

# Idle OpenMP threads spin by default. With another busy process on the same
# machine, training is then at least 4 times slower; without one, a small
# network is 1.7 times faster (docs/faq.md). PyTorch reads this at its import.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

_print_log = mmengine.logging.print_log


@wraps(_print_log)
def _print_no_debug(msg, logger=None, level=logging.INFO) -> None:
    # mmdet prints "Could not import OneDL" at every import, without a logger.
    if logger is not None or level > logging.DEBUG:
        _print_log(msg, logger, level)


mmengine.logging.print_log = _print_no_debug


class SettingsAction(DictAction):
    """:class:`mmengine.config.DictAction` for paths of any name.

    Spaces stay. A value in quotation marks is one text, also with commas and
    brackets, see :func:`path_setting`; but '"[a,b]"' is still a list.
    """

    @staticmethod
    def _parse_iterable(val: str) -> Any:
        quote, text = val[:1], val[1:-1]
        is_quoted = len(val) > 1 and quote in '"\'' and val[-1] == quote
        is_list = text[:1] + text[-1:] in ('[]', '()')
        if is_quoted and not is_list and quote not in text:
            return text
        value = DictAction._parse_iterable(val)
        return val.strip('\'"') if isinstance(value, str) else value

    def __call__(self,
                 parser: argparse.ArgumentParser,
                 namespace: argparse.Namespace,
                 values: Sequence[str],
                 option_string: Optional[str] = None) -> None:
        for text in values:
            try:
                super().__call__(parser, namespace, [text], option_string)
            except (AssertionError, ValueError):
                parser.error(f'{option_string}: {text} is not key=value with '
                             'closed brackets. A path with brackets needs '
                             'quotation marks: \'key="a,(b"\'')


def path_setting(key: str, path: str) -> str:
    """Write a setting for the ``--cfg-options`` of another program.

    Args:
        key (str): Name of the setting.
        path (str): Its value, an absolute path.

    Returns:
        str: ``key=path``, in quotation marks if the path would be read as a
        list.
    """
    if not set(path) & set(',()[]"\''):
        return f'{key}={path}'
    quote = "'" if '"' in path else '"'
    return f'{key}={quote}{path}{quote}'


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of all programs that run a network."""
    parser.add_argument(
        'config', help='path of a config, or name of a config in the package')
    parser.add_argument(
        '--work-dir',
        help='folder for logs and results (default: `work_dir` of the '
        'config, or work_dirs/NAME_OF_CONFIG)')
    add_cfg_options(parser)
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='launcher that started the processes of a distributed run')
    # Older launchers pass --local_rank=N, newer ones set LOCAL_RANK.
    parser.add_argument(
        '--local-rank',
        '--local_rank',
        type=int,
        default=0,
        help=argparse.SUPPRESS)
    add_trust_checkpoint(parser)


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=SettingsAction,
        help='settings to override, as key=value; lists as key="[a,b]" or '
        'key=a,b, nested ones as key="[(a,b),(c,d)]", with the quotation '
        'marks and without spaces')


def add_trust_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Add ``--trust-checkpoint``, see :func:`safe_checkpoints`."""
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='load checkpoints that contain more than weights and training '
        'state. They can run any code: use it only if you trust their author')


@contextmanager
def exit_on_bad_input() -> Iterator[None]:
    """End a program with a message if a file or a setting is the cause.

    InputError, OSError and Ctrl-C end it without a traceback. Any other error
    is a bug and keeps its traceback. It can also decorate ``main``.
    """
    try:
        yield
    except InputError as error:
        raise SystemExit(str(error)) from None
    except OSError as error:
        raise SystemExit(_system_message(error)) from None
    except KeyboardInterrupt:
        print('\nInterrupted.', file=sys.stderr)
        raise SystemExit(130) from None  # what shells return for Ctrl-C


def _system_message(error: OSError) -> str:
    """Name the file and the system's message, without the error number."""
    if error.strerror is None:
        # The message of a data loader worker's error is its traceback.
        return str(error).strip().rpartition('\n')[2]
    message = f'{error.filename}: ' if error.filename else ''
    message += error.strerror
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        message += ('. Free some space and run again; a training continues '
                    'from its last checkpoint with --resume.')
    return message


def at_least(lowest: int) -> Callable[[str], int]:
    """Make a ``type`` of an argument: a whole number of at least this."""

    def read(text: str) -> int:
        """Read the number; argparse names the argument in its message."""
        try:
            number = int(text)
        except ValueError:
            number = lowest - 1
        if number < lowest:
            raise argparse.ArgumentTypeError(
                f'{text} is not a whole number of at least {lowest}')
        return number

    return read


def check_folder(path: str, what: str) -> None:
    """Create a folder and check that files can be written to it.

    Args:
        path (str): The folder.
        what (str): What it is, for the message.

    Raises:
        InputError: Nothing can be written to it.
    """
    try:
        os.makedirs(path, exist_ok=True)
        TemporaryFile(dir=path).close()
    except OSError as error:
        raise InputError(
            f'{what} {path} cannot be written: {error.strerror}. Make it '
            'writable, free some space, or choose another one.') from error


def check_output(path: str) -> None:
    """Check early that a file can be written.

    Args:
        path (str): The file; it may exist. Its folder is created.

    Raises:
        InputError: The file or its folder cannot be written.
    """
    check_target(path)
    check_folder(osp.dirname(osp.abspath(path)), 'folder')


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and apply the command line to it.

    It also calls :func:`init_distributed`.

    Args:
        args (argparse.Namespace): See :func:`add_common_arguments`.

    Returns:
        Config: The config with ``launcher`` and ``work_dir`` set.

    Raises:
        InputError: The config cannot be read, or the work folder cannot be
            written.
    """
    from .distributed import init_distributed  # imports PyTorch

    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    name = osp.splitext(osp.basename(args.config))[0]
    default = osp.join('work_dirs', name)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or default
    check_folder(cfg.work_dir, 'work folder')
    init_distributed(args.launcher, cfg)
    return cfg


def run_parallel(func: Callable, tasks: Sequence, nproc: int) -> list:
    """Call a function for every task in several processes.

    Args:
        func (Callable): The function; its argument and result are pickled.
        tasks (Sequence): The arguments, one per call.
        nproc (int): Number of processes.

    Returns:
        list: The results in the order of the tasks.
    """
    # Forked processes would wait for OpenCV's threads, which die in a fork.
    cv2.setNumThreads(1)
    # Ctrl-C reaches all processes; this one ends the others.
    ignore = signal.SIGINT, signal.SIG_IGN
    # Not multiprocessing.Pool, which hangs when one of its processes dies.
    with ProcessPoolExecutor(
            nproc, initializer=signal.signal, initargs=ignore) as pool:
        try:
            results = pool.map(func, tasks, chunksize=8)
            return list(track(results, len(tasks)))
        except BaseException:
            # Otherwise leaving `with` would wait for all tasks.
            pool.shutdown(cancel_futures=True)
            raise
