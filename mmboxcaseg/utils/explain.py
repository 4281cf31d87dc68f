"""Telling errors in files and settings from errors in code."""
import difflib
import errno
import re
import traceback
from typing import Callable, Dict, Optional

import mmengine.registry
from mmengine.config import Config
from mmengine.fileio.backends import backends
from mmengine.registry import Registry

import mmboxcaseg
from mmboxcaseg.datasets.coco import first_few

# A frame of a traceback: its file, line and statement.
_FRAME = re.compile(r'^  File "(.+)", line (\d+), in .+\n    (.+)$',
                    re.MULTILINE)
_UNKNOWN_TYPE = re.compile(r"'(\S+) is not in the (?:\w+::)?(.+) registry")
_UNKNOWN_ARGUMENT = re.compile(
    r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")
_MISSING_ARGUMENT = re.compile(
    r'(\w+)(?:\.__init__)?\(\) missing \d+ required .+ arguments?: (.+)')
_PACKAGE = mmboxcaseg.__path__[0]


def explain(error: Exception, cfg: Config) -> Optional[str]:
    """Say what to correct, if a file or a setting is the cause of an error.

    That is so if mmboxcaseg raised it on purpose, in this process or in one
    that loads data; if the system refused a file; or if a class refused what
    the config tells it to be built with.

    Args:
        error (Exception): The error.
        cfg (Config): The config of the program.

    Returns:
        str, optional: The message; None for any other error.
    """
    text = ''.join(
        traceback.format_exception(
            type(error), error, error.__traceback__, chain=False))
    frames = _FRAME.findall(text)
    if not frames:
        return None
    file, line, statement = frames[-1]
    name = rf'^(?:\w+\.)*{type(error).__name__}: '
    # An error of a data loader's process has two: the second one is its own.
    message = re.split(name, text, flags=re.MULTILINE)[-1].strip()
    if statement.startswith('raise ') and file.startswith(_PACKAGE):
        return re.sub(r'^\[Errno \d+\] ', '', message)
    if isinstance(error, OSError):
        return _explain_system(error, cfg)
    if ', in build_' not in text:
        return None
    told = _explain_type(message, cfg) or _explain_arguments(message, cfg)
    if not told and message and statement.startswith(('raise ', 'assert ')):
        told = f'{message} (said by {file}, line {line})'
    return told and f'{cfg.filename} cannot be run: {told}'


def find_settings(node: object,
                  is_wanted: Callable[[str, dict], bool],
                  where: str = '') -> Dict[str, object]:
    """Find settings anywhere in a config.

    Args:
        node (object): The config, or a part of it.
        is_wanted (Callable): Is told the key of a setting and the dict that
            it is in.
        where (str): What to put before their names. Defaults to ''.

    Returns:
        dict[str, object]: Their values by their names, for example
        'train_dataloader.dataset.pipeline.0.type'.
    """
    if isinstance(node, dict):
        found = {where + k: v for k, v in node.items() if is_wanted(k, node)}
        items = node.items()
    elif isinstance(node, (list, tuple)):
        found, items = {}, enumerate(node)
    else:
        return {}
    for key, value in items:
        found.update(find_settings(value, is_wanted, f'{where}{key}.'))
    return found


def unknown_type(name: str, kind: str, cfg: Config) -> str:
    """Say where the config names a class that does not exist.

    Args:
        name (str): The class.
        kind (str): What its registry is called, for example 'dataset'.
        cfg (Config): The config.

    Returns:
        str: Where it is and, if there is one, the name most like it.
    """
    places = find_settings(
        cfg.to_dict(), lambda key, node: key == 'type' and node[key] == name)
    names = _registered(kind)
    near = difflib.get_close_matches(
        name.rpartition('.')[2], names, n=1, cutoff=0.65)
    meant = f'Did you mean {names[near[0]]!r}? ' if near else ''
    return (f'{first_few(list(places))}: there is no {kind} {name!r}. '
            f'{meant}If it '
            'is a class of your own, import its module with `custom_imports`.')


def unknown_backend(cfg: Config) -> Optional[str]:
    """Say where the config names a storage backend that does not exist.

    MMEngine would say its name and nothing else.

    Args:
        cfg (Config): The config.

    Returns:
        str, optional: Where it is and the remedy; None if all are known.
    """
    places = find_settings(cfg.to_dict(), lambda key, _: key == 'backend_args')
    for place, backend_args in places.items():
        name = (backend_args or {}).get('backend', 'local')
        if name not in backends:
            return (f'{place}: there is no backend {name!r}. Import the '
                    'module that registers it with `custom_imports`.')
    return None


def _registered(kind: str) -> Dict[str, str]:
    """Classes of a kind, and what a config calls them."""
    names = {}
    for root in vars(mmengine.registry).values():
        if isinstance(root, Registry) and root.name == kind:
            names.update((name, name) for name in root.module_dict)
            for scope, registry in root.children.items():
                prefix = '' if scope == 'mmdet' else f'{scope}.'
                for name in registry.module_dict:
                    names.setdefault(name, prefix + name)
    return names


def system_message(error: OSError) -> str:
    """What the system says of a file, without the number of the error."""
    if error.filename:
        return f'{error.filename}: {error.strerror}'
    return error.strerror or str(error)


def _explain_system(error: OSError, cfg: Config) -> Optional[str]:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (f'{error.filename or cfg.work_dir}: {error.strerror}. Make '
                'room, then go on from the last checkpoint with --resume.')
    return system_message(error) if error.filename else None


def _explain_type(message: str, cfg: Config) -> Optional[str]:
    found = _UNKNOWN_TYPE.search(message)
    return found and unknown_type(*found.groups(), cfg)


def _explain_arguments(message: str, cfg: Config) -> Optional[str]:
    unknown = _UNKNOWN_ARGUMENT.search(message)
    missing = _MISSING_ARGUMENT.search(message)
    if unknown:
        name, wrong = unknown.groups()
        places = find_settings(cfg.to_dict(), lambda key, _: key == wrong)
        text = f'{name} has no argument {wrong!r}. Correct or remove it.'
    elif missing:
        name, keys = missing.groups()
        places = find_settings(
            cfg.to_dict(), lambda key, node: key == 'type' and str(node[key]).
            rpartition('.')[2] == name)
        text = f'{name} also needs {keys}.'
    else:
        return None
    return f'{first_few(list(places))}: {text}' if places else None
