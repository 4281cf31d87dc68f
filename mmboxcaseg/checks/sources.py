"""The data sets of a config, found in its data loaders."""
from typing import Dict, List

from mmcv.transforms import LoadImageFromFile
from mmdet.datasets import CocoDataset
from mmdet.datasets.transforms import LoadAnnotations
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmboxcaseg.datasets import (BoxCropDataset, MaskedCropDataset,
                                 ProxyCocoDataset, SalientDataset)
from mmboxcaseg.datasets.coco import check_class_list
from mmboxcaseg.registry import DATASETS
from mmboxcaseg.utils.config import find_datasets
from .checked_source import LOADERS, CheckedSource
from .findings import ERROR, NOTE, Findings, add_kinds

add_kinds(
    ('dataset-config', ERROR, 'the data set cannot be built from the config',
     'correct the config'),
    ('dataset-unknown', NOTE, 'a data set of this type is not checked',
     'check it by hand'))

CHECKED = (BoxCropDataset, CocoDataset, MaskedCropDataset, SalientDataset)


def evaluators_of(cfg: Config, stage: str) -> List[dict]:
    """Metrics of a config.

    Args:
        cfg (Config): The config.
        stage (str): 'train', 'label', 'val' or 'test'.

    Returns:
        list[dict]: Their configs.
    """
    evaluators = cfg.get(f'{stage}_evaluator') or []
    return [evaluators] if isinstance(evaluators, dict) else list(evaluators)


def is_metric(evaluator: dict, *names: str) -> bool:
    """Whether a metric is one of these classes, of mmdet or mmboxcaseg."""
    return str(evaluator.get('type')).rpartition('.')[2] in names


def find_sources(cfg: Config, findings: Findings) -> List[CheckedSource]:
    """Find the data sets of all data loaders of a config.

    Wrappers (ConcatDataset, RepeatDataset, MultiImageMixDataset, ...) are
    passed through. A data set in several data loaders is one source.

    Args:
        cfg (Config): Config of any stage.
        findings (Findings): Data sets that cannot be built or checked are
            added to it.

    Returns:
        list[CheckedSource]: Data sets, in the order of ``LOADERS``.
    """
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    sources: Dict[tuple, CheckedSource] = {}
    for name in LOADERS:
        dataset = (cfg.get(name) or {}).get('dataset')
        for where, leaf in find_datasets(dataset, f'{name}.dataset'):
            try:
                source = _build(leaf, name, cfg)
            # User-defined classes may raise anything.
            except Exception as error:
                findings.add('dataset-config', where,
                             f'{type(error).__name__}: {error}')
                continue
            if not isinstance(source.dataset, CHECKED):
                findings.add('dataset-unknown', where, leaf['type'])
                continue
            known = sources.setdefault(_key(source), source)
            if known is not source:
                known.loaders.append(name)
    return list(sources.values())


def _build(leaf: dict, loader_name: str, cfg: Config) -> CheckedSource:
    # lazy_init: a broken file must become a finding, not an exception.
    dataset = DATASETS.build(dict(leaf, lazy_init=True))
    check_class_list(dataset.metainfo.get('classes'))
    transforms = dataset.pipeline.transforms
    loaders = [t for t in transforms if isinstance(t, LoadImageFromFile)]
    loads_masks = any(
        isinstance(t, LoadAnnotations) and t.with_mask for t in transforms)
    metrics = evaluators_of(cfg, loader_name.replace('_dataloader', ''))
    compares = any(is_metric(m, 'InstanceIoUMetric') for m in metrics)
    has_stock_metric = any(
        is_metric(m, 'CocoMetric', 'FasterCocoMetric') and m.get('ann_file')
        and not str(m['type']).startswith('mmboxcaseg.') for m in metrics)
    # Fallback for a pipeline that loads images in another way.
    loaders.append(LoadImageFromFile(backend_args=dataset.backend_args))
    needs_masks = compares or loads_masks and not isinstance(
        dataset, ProxyCocoDataset)
    return CheckedSource(dataset, [loader_name], loaders[0], needs_masks,
                         has_stock_metric,
                         cfg.get('model') or {})


def _key(source: CheckedSource) -> tuple:
    """Key that is equal if two loaders use the same data in the same way."""
    dataset = source.dataset
    # It contains everything that can change a finding.
    return (type(dataset), dataset.ann_file, str(dataset.data_prefix),
            str(dataset.backend_args), str(dataset.metainfo.get('classes')),
            str(getattr(dataset, 'mask_filter',
                        None)), getattr(dataset, 'min_size', None),
            repr(source.loader), source.needs_masks, source.has_stock_metric)
