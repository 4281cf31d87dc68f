"""Check of the classes and arguments in a config, before they are built.

MMEngine builds objects one after the other, some only when a loop starts, and
its errors do not say which place in the config they come from.
"""
import difflib
import inspect
from contextlib import suppress
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Set

import mmengine.registry
from mmengine.config import Config
from mmengine.registry import Registry
from torch.utils.data import DataLoader

from mmboxcaseg import InputError

# What each program builds: the setting, and the registry of its class.
_ALWAYS = {key: key for key in ('model', 'visualizer', 'log_processor')}
_ALWAYS.update(default_hooks='hook', custom_hooks='hook')
_TRAIN, _VAL, _TEST = [{
    f'{stage}_dataloader': 'DataLoader',
    f'{stage}_cfg': 'loop',
    f'{stage}_evaluator': 'metric'
} for stage in ('train', 'val', 'test')]
_OPTIMIZED = dict(
    optim_wrapper='optim_wrapper', param_scheduler='parameter scheduler')
BUILT = dict(
    train=dict(_ALWAYS, **_OPTIMIZED, **_TRAIN, **_VAL),
    test=dict(_ALWAYS, **_TEST),
    label=dict(_ALWAYS, label_dataloader='DataLoader'))
# The same for settings inside these. All others are skipped, because
# libraries change many of them before building (`norm_cfg`, `nms`, Albu, ...).
_INNER = {
    'DataLoader':
    dict(
        dataset='dataset',
        sampler='data sampler',
        batch_sampler='data sampler',
        collate_fn='function'),
    'dataset':
    dict(dataset='dataset', datasets='dataset', pipeline='transform'),
    'optim_wrapper':
    dict(optimizer='optimizer'),
    'visualizer':
    dict(vis_backends='vis_backend'),
}
# Arguments that MMEngine takes out of the config.
_TAKEN = {
    'DataLoader': {'dataset', 'num_batch_per_epoch'},
    'hook': {'priority'},
    'loop': {'by_epoch'},
    'optim_wrapper': {'optimizer', 'constructor', 'paramwise_cfg'},
    'parameter scheduler': {'convert_to_iter_based'}
}
# Arguments that MMEngine adds. For kinds not in _COMPLETE it adds more, so
# missing arguments are not reported.
_ADDED = {'runner', 'dataloader', 'evaluator'}
_COMPLETE = ('hook', 'loop', 'metric', 'transform')
# Packages that pass **kwargs to the base class. Others may use them otherwise.
_KNOWN = ('mmboxcaseg', 'mmcv', 'mmdet', 'mmengine', 'mmpretrain', 'torch')
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD,
          inspect.Parameter.KEYWORD_ONLY)


class _Node(NamedTuple):
    """A dict of the config from which an object is built."""
    place: str
    kind: str
    settings: dict
    scope: Optional[str]


def check_types(cfg: Config, program: str) -> None:
    """Check the classes that a config names, and their arguments.

    Args:
        cfg (Config): The config.
        program (str): A key of ``BUILT``.

    Raises:
        InputError: A class does not exist, or does not fit its arguments. The
            message names the setting.
    """
    settings = cfg.to_dict()
    scope = settings.get('default_scope', 'mmengine')
    for key, kind in BUILT[program].items():
        for node in _nodes(settings.get(key), key, kind, scope):
            problem = _problem(node)
            if problem:
                raise InputError(f'{cfg.filename} cannot be run: {problem}')


def _nodes(value: object, place: str, kind: str,
           scope: Optional[str]) -> Iterator[_Node]:
    """Find what is built, outer objects first."""
    if isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _nodes(item, f'{place}.{i}', kind, scope)
    elif isinstance(value, dict):
        node = _Node(place, kind, value, value.get('_scope_', scope))
        # A type that is the class itself needs no look-up.
        if isinstance(value.get('type'), str) or kind == 'DataLoader':
            yield node
        for key, inner in _inner_kinds(node).items():
            if key in value:
                yield from _nodes(value[key], f'{place}.{key}', inner,
                                  node.scope)


def _inner_kinds(node: _Node) -> Dict[str, str]:
    if 'type' not in node.settings and node.kind == 'hook':
        return dict.fromkeys(node.settings, 'hook')  # default_hooks
    if node.kind == 'model' and _is_ours(_find(node)):
        # Models of this project build their parts with MODELS; other models
        # may do anything with theirs.
        parts = [key for key in node.settings if not key.endswith('_cfg')]
        return dict.fromkeys(parts, 'model')
    return _INNER.get(node.kind, {})


def _is_ours(cls: Optional[Callable]) -> bool:
    return getattr(cls, '__module__', '').startswith('mmboxcaseg.')


def _problem(node: _Node) -> Optional[str]:
    cls = DataLoader if node.kind == 'DataLoader' else _find(node)
    if cls is None:
        return _unknown_type(node)
    if node.kind == 'model' and not _is_ours(cls):
        is_timm = cls.__name__ == 'TIMMBackbone'
        return _timm_problem(node) if is_timm else None
    params = list(_parameters(cls))
    # It takes any argument.
    if None in params:
        return None
    accepted = {param.name for param in params}
    required = {p.name for p in params if p.default is p.empty}
    given = set(node.settings) - {'type', '_scope_'}
    for name in sorted(given - accepted - _TAKEN.get(node.kind, set())):
        return (f'{node.place}.{name}: {cls.__name__} has no argument '
                f'{name!r}. Correct or remove it.')
    missing = sorted(required - given - _ADDED)
    if missing and node.kind in _COMPLETE:
        return (f'{node.place}.type: {cls.__name__} also needs '
                f'{str(missing)[1:-1]}.')
    return None


def _timm_problem(node: _Node) -> Optional[str]:
    """Look up the model that a backbone takes from timm."""
    try:
        import timm
    except ImportError:
        return f'{node.place}.type needs timm. Install it by: pip install timm'
    name = node.settings.get('model_name')
    # A name with a colon leads to a folder or to a hub.
    if not isinstance(name, str) or ':' in name or timm.is_model(name):
        return None
    known = timm.list_models()
    return (f'{node.place}.model_name: timm has no model {name!r}. '
            f'{_meant(name, dict(zip(known, known)))}timm.list_models() '
            'lists all names.')


def _meant(name: str, names: Dict[str, str]) -> str:
    """Suggest the nearest of some names, as it is written in a config."""
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.65)
    return f'Did you mean {names[near[0]]!r}? ' if near else ''


def _unknown_type(node: _Node) -> str:
    name, names = node.settings['type'], {}
    for root in _roots(node.kind):
        names.update((name, name) for name in root.module_dict)
        for scope, registry in root.children.items():
            prefix = '' if scope == 'mmdet' else f'{scope}.'
            for known in registry.module_dict:
                names.setdefault(known, prefix + known)
    meant = _meant(name.rpartition('.')[2], names)
    return (f'{node.place}.type: there is no {node.kind} {name!r}. {meant}If '
            'it is your own class, import its module with `custom_imports`.')


def _find(node: _Node) -> Optional[Callable]:
    name, found = node.settings.get('type'), None
    for root in _roots(node.kind) if isinstance(name, str) else []:
        with root.switch_scope_and_registry(node.scope) as registry:
            # get() raises if the name looks like a module path.
            with suppress(RuntimeError):
                found = found or registry.get(name)
    return found


def _roots(kind: str) -> List[Registry]:
    # A config may name an evaluator instead of its metrics.
    names = ('metric', 'evaluator') if kind == 'metric' else (kind, )
    return [
        root for root in vars(mmengine.registry).values()
        if isinstance(root, Registry) and root.name in names
    ]


def _parameters(cls: Callable) -> Iterator[Optional[inspect.Parameter]]:
    """Yield the parameters of a class or function, None for unknown ones.

    ``**kwargs`` of a constructor are passed to the next class in its method
    resolution order.
    """
    is_class = inspect.isclass(cls)
    inits = [cls]
    if is_class:
        inits = [vars(base).get('__init__') for base in inspect.getmro(cls)]
    seen: Set[str] = set()
    for init in filter(None, inits):
        if getattr(init, '__module__', '').split('.')[0] not in _KNOWN:
            break
        # Skip `self` of a constructor.
        params = list(inspect.signature(init).parameters.values())[is_class:]
        for param in params:
            if param.kind in _NAMED and param.name not in seen:
                seen.add(param.name)
                yield param
        if all(param.kind is not param.VAR_KEYWORD for param in params):
            return
    yield None
