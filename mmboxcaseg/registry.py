"""The registries of mmboxcaseg, children of the root registries of MMEngine.

Configs keep ``default_scope = 'mmdet'`` and name the classes of this package
``mmboxcaseg.X``: that prefix makes MMEngine import this file, and
``locations`` the modules, so that no config needs ``custom_imports``.
"""
from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry

MODELS = Registry(
    'model',
    parent=MMENGINE_MODELS,
    scope='mmboxcaseg',
    locations=['mmboxcaseg.models'])
DATASETS = Registry(
    'dataset',
    parent=MMENGINE_DATASETS,
    scope='mmboxcaseg',
    locations=[
        'mmboxcaseg.datasets.box_crops', 'mmboxcaseg.datasets.concat_crops',
        'mmboxcaseg.datasets.masked_crops', 'mmboxcaseg.datasets.proxy_coco',
        'mmboxcaseg.datasets.salient'
    ])
TRANSFORMS = Registry(
    'transform',
    parent=MMENGINE_TRANSFORMS,
    scope='mmboxcaseg',
    locations=['mmboxcaseg.datasets.transforms'])
DATA_SAMPLERS = Registry(
    'data sampler',
    parent=MMENGINE_DATA_SAMPLERS,
    scope='mmboxcaseg',
    locations=[
        'mmboxcaseg.datasets.samplers', 'mmboxcaseg.datasets.box_batch_sampler'
    ])
FUNCTIONS = Registry(
    'function',
    parent=MMENGINE_FUNCTIONS,
    scope='mmboxcaseg',
    locations=['mmboxcaseg.datasets.collate'])
HOOKS = Registry(
    'hook',
    parent=MMENGINE_HOOKS,
    scope='mmboxcaseg',
    locations=['mmboxcaseg.engine.hooks'])
OPTIM_WRAPPERS = Registry(
    'optim_wrapper',
    parent=MMENGINE_OPTIM_WRAPPERS,
    scope='mmboxcaseg',
    locations=['mmboxcaseg.engine'])
METRICS = Registry(
    'metric',
    parent=MMENGINE_METRICS,
    scope='mmboxcaseg',
    locations=[
        'mmboxcaseg.evaluation.coco_metric',
        'mmboxcaseg.evaluation.instance_ap',
        'mmboxcaseg.evaluation.instance_iou'
    ])


def builds(settings: dict, *names: str) -> bool:
    """Whether a part of a config builds an object of certain classes.

    Args:
        settings (dict): Its ``type`` is a class or the name of one.
        names (str): Ends of class names, so that 'CropBoxes' also finds a
            subclass MyCropBoxes.

    Returns:
        bool: Whether the name of its class has one of these ends.
    """
    kind = settings.get('type')
    name = kind.__name__ if isinstance(kind, type) else str(kind)
    return name.endswith(names)
