"""Checks of the settings that a program needs, before it builds anything."""
from typing import List, Optional

import fastjsonschema
from mmengine.config import Config

from mmboxcaseg import InputError
from mmboxcaseg.engine.checkpoint import read_checkpoint
from mmboxcaseg.registry import builds
from mmboxcaseg.utils.config import find_settings
from .config_types import check_types

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
# `channels` is an argument of BoxCaseg.
_MODEL = dict(_OBJECT, properties=dict(channels=_COUNT))
_LENGTHS = dict(
    _OBJECT,
    properties=dict(max_epochs=_COUNT, max_iters=_COUNT, val_interval=_COUNT))
_LABELLED = dict(
    _LOADER,
    properties=dict(
        _LOADER['properties'],
        dataset=dict(
            _OBJECT, required=['ann_file', 'data_prefix', 'pipeline'])))
# What each program needs in its config, as JSON schemas.
NEEDS = dict(
    train=dict(
        model=_MODEL,
        train_dataloader=_LOADER,
        train_cfg=_LENGTHS,
        optim_wrapper=_OBJECT),
    test=dict(model=_MODEL, test_dataloader=_LOADER),
    label=dict(model=_MODEL, label_dataloader=_LABELLED))
# The data loaders whose crops the model gets. Labelling follows a training.
CROPS_OF = dict(
    train=('train_dataloader', 'val_dataloader', 'label_dataloader'),
    test=('test_dataloader', ),
    label=('label_dataloader', ))


def check_settings(cfg: Config, program: str) -> None:
    """Check settings that would fail late or with a confusing message.

    Args:
        cfg (Config): The config.
        program (str): A key of ``NEEDS``.

    Raises:
        InputError: A setting is missing or wrong (the message names it), or
            the weights that a training starts from cannot be read.
    """
    needs = NEEDS[program]
    needs = dict(type='object', required=list(needs), properties=needs)
    # The order matters: each check assumes that the previous one passed.
    problem = _schema_problem(cfg, needs) or _loop_problem(cfg)
    if problem:
        raise InputError(f'{cfg.filename} cannot be run: {problem}')
    check_types(cfg, program)
    if cfg.model.get('box_prompt'):
        _check_box_prompt(cfg, program)
    if program == 'train':
        _check_start(cfg)


def _schema_problem(cfg: Config, schema: dict) -> Optional[str]:
    try:
        fastjsonschema.validate(schema, cfg.to_dict())
    except fastjsonschema.JsonSchemaValueException as error:
        name = '.'.join(error.path[1:])
        if error.rule == 'required':
            keys = error.rule_definition
            missing = [f'`{key}`' for key in keys if key not in error.value]
            return f'{name or "it"} has no {" and no ".join(missing)}.'
        wanted = error.definition['description']
        return f'{name} is {error.value!r}, not {wanted}.'
    return None


def _loop_problem(cfg: Config) -> Optional[str]:
    """Find a validation or test with only some of its three settings."""
    for stage in ('val', 'test'):
        keys = [f'{stage}_{key}' for key in ('dataloader', 'cfg', 'evaluator')]
        missing = [key for key in keys if cfg.get(key) is None]
        if 0 < len(missing) < len(keys):
            return (f'{", ".join(keys)} must be set together, but not set: '
                    f'{", ".join(missing)}. Set all of them, or none.')
    return None


def _check_box_prompt(cfg: Config, program: str) -> None:
    """Check that crops show their boxes to a model with a ``box_prompt``.

    Otherwise the prompt learns nothing from them, or labelling fails. In
    training, box crops need not show their boxes: they have no mask.
    """
    lost: List[str] = []
    for name in CROPS_OF[program]:
        pipelines = find_settings(
            cfg.get(name), lambda key, _: key == 'pipeline', f'{name}.')
        for place, pipeline in pipelines.items():
            has_masks = not any(builds(s, 'CropBoxes') for s in pipeline)
            shown = all(
                s.get('box_map') for s in pipeline if builds(s, 'PackCrops'))
            if not shown and (has_masks or name != 'train_dataloader'):
                lost.append(place)
    if lost:
        raise InputError(
            f'{cfg.filename} cannot be run: model.box_prompt is set, but the '
            f'crops of {", ".join(lost)} do not show their boxes. Set '
            'box_map=True of PackCrops there, see '
            'docs/labeller.md#box-prompt; or set model.box_prompt=None.')


def _check_start(cfg: Config) -> None:
    """Read the files that the training starts from."""

    def is_start(key: str, node: dict) -> bool:
        return key == 'checkpoint' and node.get('type') == 'Pretrained'

    files = find_settings(cfg.model, is_start, 'model.')
    if cfg.get('load_from'):
        files['load_from'] = cfg.load_from
    for setting, path in files.items():
        # MMEngine downloads URLs later, once for all processes.
        if '://' not in path:
            read_checkpoint(path, setting)
