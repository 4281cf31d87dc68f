"""Loading checkpoints without running code that is hidden in them.

A checkpoint is a pickle, and a pickle can call any function. With
``weights_only=True`` PyTorch calls only the functions in a list. But MMEngine
uses False if that fails, and it adds ``getattr`` to the list, through which a
pickle reaches ``eval``. Therefore this module replaces both.
"""
import os
import re
from collections import OrderedDict
from contextlib import contextmanager
from contextvars import ContextVar
from pickle import UnpicklingError
from typing import Iterator, List, Optional

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.runner import CheckpointLoader
from torch.serialization import (add_safe_globals, clear_safe_globals,
                                 get_safe_globals)

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import check_file

_DAMAGED = ('is not a checkpoint or is incomplete ({}). Copy it again, or use '
            'another one.')
_SWITCH = ('use --trust-checkpoint (in Python trust_checkpoint=True) if you '
           'trust its author')
# Methods that MMEngine stores in a checkpoint, as getattr(class, name).
_STORED_METHODS = {
    HistoryBuffer: ('min', 'max', 'mean', 'current'),
    OneCycleParamScheduler: ('_annealing_cos', '_annealing_linear')
}
_torch_load = torch.load
_is_decided = ContextVar('_is_decided', default=False)


@contextmanager
def safe_checkpoints(trust_checkpoint: bool = False) -> Iterator[None]:
    """Refuse checkpoints that could run code, wherever they are loaded.

    Inside the context every ``torch.load`` is restricted, including the calls
    of MMEngine and torch.hub (``https://``, ``torchvision://``). Allowed are
    weights, what PyTorch, MMEngine and NumPy store in a checkpoint, and what
    the program passed to :func:`torch.serialization.add_safe_globals`. If
    contexts are nested, only the outer one has an effect.

    Args:
        trust_checkpoint (bool): Whether to load all. Defaults to False.

    Raises:
        InputError: A checkpoint contains something else, or is damaged.
    """
    if _is_decided.get():
        yield
        return
    token, before = _is_decided.set(True), torch.load
    if not trust_checkpoint:
        torch.load = _load_safely
    try:
        yield
    finally:
        torch.load = before
        _is_decided.reset(token)


def read_checkpoint(path: str, what: str = 'checkpoint') -> dict:
    """Read a checkpoint file into the CPU's memory.

    Args:
        path (str): The file.
        what (str): Its name in messages. Defaults to 'checkpoint'.

    Returns:
        dict: The checkpoint. A bare state dict becomes its ``state_dict``.

    Raises:
        InputError: It does not exist, is not a checkpoint, or could run code.
    """
    check_file(path, what)
    try:
        with safe_checkpoints():
            loaded = CheckpointLoader.load_checkpoint(path, 'cpu', 'silent')
        if 'state_dict' in loaded:
            return loaded
        return dict(state_dict=OrderedDict(loaded))
    except InputError as error:
        raise InputError(f'{what}: {error}') from error
    except Exception as error:  # torch raises many kinds
        raise InputError(
            f'{what}: {path} {_DAMAGED.format(type(error).__name__)}'
        ) from error


def set_weights(cfg: Config, weights: str) -> Optional[str]:
    """Set the weights of a model to those of the command line.

    A model with the argument ``weights`` loads them itself; its weights may
    be a folder or a name. For all other models MMEngine loads a checkpoint,
    and a backbone with ``pretrained=True`` downloads no other weights first.

    Args:
        cfg (Config): The config, which is changed.
        weights (str): The weights.

    Returns:
        str, optional: The checkpoint that MMEngine will load; None if the
        model loads its weights.

    Raises:
        InputError: There is no such checkpoint.
    """
    model = cfg.get('model') or {}  # check_settings() may follow later
    if 'weights' in model:
        model.weights, cfg.load_from = weights, None
    else:
        check_file(weights, 'checkpoint')
        cfg.load_from = weights
        backbone = model.get('backbone') or {}
        # A path is loaded by init_weights(), so only in training.
        if backbone.get('pretrained') is True:
            backbone.pretrained = False
    return cfg.load_from


def _load_safely(file, *args, **kwargs) -> object:
    """Replace ``torch.load``."""
    kwargs['weights_only'] = True
    # The list belongs to the whole process, so it is restored at the end.
    before = get_safe_globals()
    allowed = [one for one in before if one is not getattr]
    clear_safe_globals()
    add_safe_globals(allowed + _stored_globals())
    try:
        return _torch_load(file, *args, **kwargs)
    except UnpicklingError as error:
        name = file if isinstance(file, (str, os.PathLike)) else 'it'
        found = re.search(r'GLOBAL (\S+)', str(error))
        if found:
            raise InputError(
                f'{name} contains {found[1]}, which is not part of a plain '
                f'checkpoint and could run code; {_SWITCH}.') from error
        raise InputError(
            f'{name} {_DAMAGED.format("UnpicklingError")}') from error
    finally:
        clear_safe_globals()
        add_safe_globals(before)


def _stored_globals() -> List:
    """What checkpoints of PyTorch, MMEngine and NumPy contain, in the format
    of PyTorch's :func:`add_safe_globals`."""
    core = getattr(np, '_core', None) or np.core
    # Object arrays ('O') are left out: their elements can be anything.
    codes = np.typecodes['AllInteger'] + np.typecodes['AllFloat'] + '?SU'
    numpy = [
        # NumPy 1 and 2 write different names.
        (getattr(core.multiarray, name), f'numpy.{package}.multiarray.{name}')
        for name in ('_reconstruct', 'scalar') for package in ('core', '_core')
    ]
    dtypes = {type(np.dtype(code)) for code in codes}
    return numpy + [
        np.ndarray, np.dtype, *dtypes, *_STORED_METHODS, slice,
        (_get_stored, 'builtins.getattr')
    ]


def _get_stored(owner: type, name: str) -> object:
    """Replace ``getattr``, with which a pickle could reach ``eval``."""
    if name in _STORED_METHODS.get(owner, ()):
        return getattr(owner, name)
    raise UnpicklingError(f'GLOBAL getattr({owner}, {name!r})')
