"""The data sets of a config, found by walking its data loaders."""
from typing import Dict, Iterator, List, NamedTuple, Tuple

from mmcv.transforms import LoadImageFromFile
from mmdet.datasets import CocoDataset
from mmdet.datasets.transforms import LoadAnnotations
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope

from mmboxcaseg.datasets import (BoxCropDataset, ProxyCocoDataset,
                                 SalientDataset)
from mmboxcaseg.registry import DATASETS
from .findings import Findings

LOADERS = ('train_dataloader', 'label_dataloader', 'val_dataloader',
           'test_dataloader')


class Source(NamedTuple):
    """A data set of a config.

    Args:
        dataset (BaseDataset): The data set, built but not loaded.
        loaders (list[str]): The data loaders it is in.
        loader (LoadImageFromFile): What loads its images.
        needs_masks (bool): Whether the masks of a COCO file are used.
    """
    dataset: BaseDataset
    loaders: List[str]
    loader: LoadImageFromFile
    needs_masks: bool

    @property
    def name(self) -> str:
        """Its COCO file, or the folder of its images."""
        return self.dataset.ann_file or self.dataset.data_prefix['img']

    @property
    def is_salient(self) -> bool:
        """Whether it is a data set of salient images."""
        return isinstance(self.dataset, SalientDataset)

    @property
    def is_detection(self) -> bool:
        """Whether a detector of mmdet reads it."""
        return isinstance(self.dataset, CocoDataset)

    @property
    def is_trained(self) -> bool:
        """Whether it is trained on."""
        return LOADERS[0] in self.loaders

    @property
    def is_tested(self) -> bool:
        """Whether it is measured on."""
        return any(name in LOADERS[2:] for name in self.loaders)


def find_sources(cfg: Config, findings: Findings) -> List[Source]:
    """Find the data sets of all data loaders of a config.

    Wrappers (ConcatDataset, RepeatDataset, MultiImageMixDataset, ...) are
    passed through. A data set in several data loaders is one source.

    Args:
        cfg (Config): Config of any stage.
        findings (Findings): Gets what cannot be built or is not known.

    Returns:
        list[Source]: Data sets, in the order of ``LOADERS``.
    """
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    sources: Dict[tuple, Source] = {}
    for name in LOADERS:
        dataset = (cfg.get(name) or {}).get('dataset')
        for where, leaf in _leaves(dataset, f'{name}.dataset'):
            try:
                source = _build(leaf, name, cfg)
            except Exception as error:
                findings.add('dataset-config', where,
                             f'{type(error).__name__}: {error}')
                continue
            if not isinstance(source.dataset,
                              (BoxCropDataset, CocoDataset, SalientDataset)):
                findings.add('dataset-unknown', where, leaf['type'])
                continue
            known = sources.setdefault(_key(source), source)
            if known is not source:
                known.loaders.append(name)
    return list(sources.values())


def _leaves(dataset: object, where: str) -> Iterator[Tuple[str, dict]]:
    """Data sets inside wrappers, and where they are in the config."""
    if not isinstance(dataset, dict):
        return
    if 'datasets' in dataset:
        for i, inner in enumerate(dataset['datasets']):
            yield from _leaves(inner, f'{where}.datasets.{i}')
    elif 'dataset' in dataset:
        yield from _leaves(dataset['dataset'], f'{where}.dataset')
    else:
        yield where, dataset


def _build(leaf: dict, loader_name: str, cfg: Config) -> Source:
    dataset = DATASETS.build(dict(leaf, lazy_init=True))
    transforms = dataset.pipeline.transforms
    loaders = [t for t in transforms if isinstance(t, LoadImageFromFile)]
    loads_masks = any(
        isinstance(t, LoadAnnotations) and t.with_mask for t in transforms)
    evaluator = cfg.get(loader_name.replace('dataloader', 'evaluator')) or {}
    compares = 'InstanceIoUMetric' in str(evaluator)
    return Source(
        dataset, [loader_name],
        (loaders or [LoadImageFromFile(backend_args=dataset.backend_args)])[0],
        compares or loads_masks and not isinstance(dataset, ProxyCocoDataset))


def _key(source: Source) -> tuple:
    """What makes two data sets the same data."""
    dataset = source.dataset
    return (type(dataset), dataset.ann_file, str(dataset.data_prefix),
            str(dataset.backend_args), str(dataset.metainfo.get('classes')),
            repr(source.loader), source.needs_masks)
