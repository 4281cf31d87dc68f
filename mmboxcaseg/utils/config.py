"""Finding, reading and searching configs. Imports no PyTorch."""
import os.path as osp
from pathlib import Path
from typing import Callable, Dict, Iterator, Optional, Sequence, Tuple

from mmengine.config import Config
from mmengine.fileio.backends import backends

import mmboxcaseg
from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import check_file
from mmboxcaseg.registry import builds

# setup.py puts the configs here, as `mim` expects.
CONFIGS = Path(mmboxcaseg.__file__).with_name('.mim') / 'configs'


def find_config(path: str) -> str:
    """Find a config by path or name; ``mim run`` passes names.

    Args:
        path (str): Path of a config, or name of a config in the package, such
            as ``boxcaseg_hrnetv2-tiny_toy.py``.

    Returns:
        str: Path of the config, or ``path`` unchanged if nothing was found.
    """
    if osp.basename(path) == path and not osp.exists(path):
        for config in sorted(CONFIGS.rglob('*.py')):
            if config.name == path:
                return str(config.resolve())
    return path


def read_config(path: str, options: Optional[dict] = None) -> Config:
    """Read a config.

    Args:
        path (str): The config, see :func:`find_config`.
        options (dict, optional): Settings to override.

    Returns:
        Config: The config.

    Raises:
        InputError: It cannot be read, or names an unknown storage backend.
    """
    path = find_config(path)
    check_file(path, 'config')
    try:
        cfg = Config.fromfile(path)
        cfg.merge_from_dict(options or {})
    except Exception as error:  # a config is Python code: anything can happen
        raise InputError(f'{path} cannot be read as a config: '
                         f'{type(error).__name__}: {error}') from error
    _check_backends(cfg)
    return cfg


def find_settings(node: object,
                  is_wanted: Callable[[str, dict], bool],
                  prefix: str = '') -> Dict[str, object]:
    """Find settings anywhere in a config.

    Args:
        node (object): The config, or a part of it.
        is_wanted (Callable): Called with a key and the dict that has it.
        prefix (str): Prefix of the names. Defaults to ''.

    Returns:
        dict[str, object]: The values by name, for example
        'train_dataloader.dataset.pipeline.0.type'.
    """
    found, items = {}, []
    if isinstance(node, dict):
        found = {prefix + k: v for k, v in node.items() if is_wanted(k, node)}
        items = node.items()
    elif isinstance(node, (list, tuple)):
        items = enumerate(node)
    for key, value in items:
        found.update(find_settings(value, is_wanted, f'{prefix}{key}.'))
    return found


def truncate_boxes(pipeline: Sequence[dict]) -> None:
    """Drop the fractions of boxes in a pipeline, see :func:`pixel_boxes`.

    Args:
        pipeline (Sequence[dict]): Pipeline for labelling, which is changed.
    """
    for transform in pipeline:
        if builds(transform, 'CropBoxes', 'PromptBoxes'):
            transform['truncate'] = True


def find_datasets(dataset: object, where: str) -> Iterator[Tuple[str, dict]]:
    """Find the data sets inside wrappers, such as ConcatDataset.

    Args:
        dataset (object): The data set of a data loader. If it is no dict,
            nothing is found.
        where (str): Its name in the config.

    Yields:
        tuple: Name and config of each data set, for example
        'train_dataloader.dataset.datasets.0'.
    """
    if not isinstance(dataset, dict):
        return
    if 'datasets' in dataset:
        for i, inner in enumerate(dataset['datasets']):
            yield from find_datasets(inner, f'{where}.datasets.{i}')
    elif 'dataset' in dataset:
        yield from find_datasets(dataset['dataset'], f'{where}.dataset')
    else:
        yield where, dataset


def _check_backends(cfg: Config) -> None:
    """Check the storage backends; MMEngine's error shows only their name."""
    places = find_settings(cfg.to_dict(), lambda key, _: key == 'backend_args')
    for place, backend_args in places.items():
        name = (backend_args or {}).get('backend', 'local')
        if name not in backends:
            raise InputError(
                f'{cfg.filename} cannot be run: {place}: there is no backend '
                f'{name!r}. Import the module that registers it with '
                '`custom_imports`.')
