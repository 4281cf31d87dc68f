"""Checks of the settings that a program needs, before anything is built."""
from typing import Optional

import fastjsonschema
from mmengine.config import Config
from mmengine.registry import OPTIMIZERS

from mmboxcaseg import InputError
from mmboxcaseg.utils.cli import read_checkpoint
from mmboxcaseg.utils.explain import find_settings, unknown_type

_OBJECT = dict(type='object', description='a dict')
_COUNT = dict(type='integer', minimum=1, description='a positive integer')
_LOADER = dict(
    _OBJECT,
    required=['dataset'],
    properties=dict(
        dataset=_OBJECT,
        batch_size=_COUNT,
        num_workers=dict(
            type='integer', minimum=0, description='an integer, 0 or more')))
_LENGTHS = dict(
    _OBJECT,
    properties=dict(max_epochs=_COUNT, max_iters=_COUNT, val_interval=_COUNT))
_LABELLED = dict(
    _LOADER,
    properties=dict(
        _LOADER['properties'],
        dataset=dict(
            _OBJECT, required=['ann_file', 'data_prefix', 'pipeline'])))
# What a program needs of its config.
NEEDS = dict(
    train=dict(
        model=_OBJECT,
        train_dataloader=_LOADER,
        train_cfg=_LENGTHS,
        optim_wrapper=_OBJECT),
    test=dict(model=_OBJECT, test_dataloader=_LOADER),
    label=dict(model=_OBJECT, label_dataloader=_LABELLED))


def check_settings(cfg: Config, program: str) -> None:
    """Check what of a config would fail late, or with a puzzling message.

    Args:
        cfg (Config): The config.
        program (str): A key of ``NEEDS``.

    Raises:
        SystemExit: The weights that a training starts from cannot be read.
        InputError: A setting is missing or cannot be right. The message names
            it.
    """
    needs = dict(
        type='object',
        required=list(NEEDS[program]),
        properties=NEEDS[program])
    problem = (
        _schema_problem(cfg, needs) or _loop_problem(cfg)
        or _optimizer_problem(cfg))
    if problem:
        raise InputError(f'{cfg.filename} cannot be run: {problem}')
    if program == 'train':
        _check_weights(cfg)


def _schema_problem(cfg: Config, schema: dict) -> Optional[str]:
    try:
        fastjsonschema.validate(schema, cfg.to_dict())
    except fastjsonschema.JsonSchemaValueException as error:
        name = '.'.join(error.path[1:])
        if error.rule == 'required':
            missing = [
                f'`{key}`' for key in error.rule_definition
                if key not in error.value
            ]
            return f'{name or "it"} has no {" and no ".join(missing)}.'
        wanted = error.definition['description']
        return f'{name} is {error.value!r}, not {wanted}.'
    return None


def _loop_problem(cfg: Config) -> Optional[str]:
    """What belongs to a validation, or to a test, goes together."""
    for stage in ('val', 'test'):
        keys = [f'{stage}_{key}' for key in ('dataloader', 'cfg', 'evaluator')]
        absent = [key for key in keys if cfg.get(key) is None]
        if 0 < len(absent) < len(keys):
            return (f'{", ".join(keys)} go together, but not set: '
                    f'{", ".join(absent)}. Set all of them, or none.')
    return None


def _optimizer_problem(cfg: Config) -> Optional[str]:
    """Of an optimizer that does not exist MMEngine says: None is not a
    callable object."""
    optimizer = (cfg.get('optim_wrapper') or {}).get('optimizer') or {}
    name = optimizer.get('type')
    with OPTIMIZERS.switch_scope_and_registry(None) as registry:
        if not isinstance(name, str) or registry.get(name):
            return None
    return unknown_type(name, OPTIMIZERS.name, cfg)


def _check_weights(cfg: Config) -> None:
    """Read the files that the weights start from."""
    files = find_settings(
        cfg.model, lambda key, node: key == 'checkpoint' and node.get('type')
        == 'Pretrained', 'model.')
    if cfg.get('load_from'):
        files['load_from'] = cfg.load_from
    for setting, path in files.items():
        # MMEngine fetches and keeps what has an address.
        if '://' not in path:
            read_checkpoint(path, setting)
