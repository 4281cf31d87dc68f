"""Build MMEngine's runner, and check its settings and checkpoint."""
from contextlib import contextmanager
from itertools import takewhile
from traceback import walk_tb
from typing import Iterator

import torch
from mmengine.config import Config
from mmengine.model import is_model_wrapper
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from torch import nn

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import first_few
from mmboxcaseg.engine.checkpoint import read_checkpoint

_LIBRARIES = ('mmcv', 'mmdet', 'mmengine', 'mmpretrain', 'torch')


def build_runner(cfg: Config, *loops: str) -> Runner:
    """Build the runner of a config.

    Args:
        cfg (Config): The config, perhaps with a ``runner_type``.
        loops (str): Loops to build now: 'train', 'val', 'test'. MMEngine
            builds loops, with data loaders and metrics, only at their start.

    Returns:
        Runner: The runner, ready to train or test.

    Raises:
        InputError: A class of a library refuses its settings.
    """
    with _explain_refusals(cfg):
        build = RUNNERS.build if 'runner_type' in cfg else Runner.from_cfg
        runner = build(cfg)
        for loop in loops:
            if cfg.get(f'{loop}_cfg') is not None:
                # The property builds the loop.
                getattr(runner, f'{loop}_loop')
    return runner


@contextmanager
def _explain_refusals(cfg: Config) -> Iterator[None]:
    """Raise InputError if a class of a library refuses its settings."""
    try:
        yield
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError) or not _is_refusal(error):
            raise
        # str() of a KeyError adds quotation marks.
        message = error.args[0] if error.args else type(error).__name__
        raise InputError(f'{cfg.filename} cannot be run: {message}') from error


def _is_refusal(error: Exception) -> bool:
    """Whether a library raised an error while it built an object.

    If so, the settings are the cause. If code of this project or of the user
    is in the traceback after the call of the builder, it may be a bug.
    """
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    names = [frame.f_globals.get('__name__', '') for frame in frames]
    builders = (__name__, 'mmengine.registry.build_functions')
    since = takewhile(lambda name: name not in builders, reversed(names))
    return all(name.split('.')[0] in _LIBRARIES for name in since)


def check_weights(model: nn.Module, checkpoint: str) -> None:
    """Check that a checkpoint fits a model.

    The runner would only warn and leave the missing weights random.

    Args:
        model (nn.Module): The model, perhaps wrapped for several processes.
        checkpoint (str): Its checkpoint.

    Raises:
        InputError: The checkpoint cannot be read, or lacks weights.
    """
    given = {
        name.removeprefix('module.'): weight.shape
        for name, weight in read_checkpoint(checkpoint)['state_dict'].items()
        if torch.is_tensor(weight)
    }
    if is_model_wrapper(model):
        model = model.module
    wanted = {name: w.shape for name, w in model.state_dict().items()}
    lost = [name for name in wanted if given.get(name) != wanted[name]]
    if lost:
        raise InputError(
            f'{checkpoint} lacks {len(lost)} weights of the model of the '
            f'config, or has them in other shapes ({first_few(lost, 3)}): '
            'use the config that it was trained with. A labeller must have '
            'the same heads.')
