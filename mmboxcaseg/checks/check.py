"""All checks of a config."""
import os.path as osp
from typing import Dict, List, Optional, Tuple

from mmengine.config import Config

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import load_json
from mmboxcaseg.utils.cli import run_parallel
from . import rules  # noqa: F401, registers the checks
from .checked_source import CheckedSource
from .coco_file import CocoFile
from .findings import CHECKS, ERROR, Findings, add_kinds
from .images import Task, inspect_image, place_of
from .sources import Source, find_sources

add_kinds(('json-unreadable', ERROR, 'the COCO file cannot be read',
           'see the message'),
          ('salient-files', ERROR, 'images and masks cannot be paired',
           'see the message'))


def check_config(cfg: Config,
                 nproc: int) -> Tuple[Findings, List[CheckedSource]]:
    """Check all data sets of a config.

    Args:
        cfg (Config): Config of any stage.
        nproc (int): Number of processes that read images.

    Returns:
        tuple: The findings, and the data sets.

    Raises:
        InputError: The config has no data set.
    """
    findings = Findings()
    sources = find_sources(cfg, findings)
    if not sources and not list(findings):
        raise InputError(f'{cfg.filename} has no data loader with a data set, '
                         'so there is nothing to check.')
    model = cfg.get('model') or {}
    checked = [
        CheckedSource(source, *_read(source, findings), model)
        for source in sources
    ]
    _inspect_all(checked, nproc)
    # Of all data sets, before the first is checked: see check_overlap().
    trained = _trained_images(checked)
    for one in checked:
        one.trained = trained
        # A file that cannot be read is a finding already.
        if one.coco or one.source.is_salient:
            for check in CHECKS:
                for kind, example in check(one):
                    findings.add(kind, one.where, example)
    return findings, checked


def _read(source: Source,
          findings: Findings) -> Tuple[Optional[CocoFile], List[Task]]:
    """Read the COCO file or list the folders of a data set."""
    dataset, loader = source.dataset, source.loader
    if source.is_salient:
        try:
            pairs = dataset.pair_files()
        except (OSError, InputError) as error:
            where = dataset.data_prefix['img']
            findings.add('salient-files', where, str(error))
            return None, []
        return None, [(pair['img_path'], pair['seg_map_path'], loader)
                      for pair in pairs]
    try:
        data = load_json(dataset.ann_file, dataset.backend_args)
        coco = CocoFile(dataset.ann_file, data)
    except (OSError, InputError) as error:
        findings.add('json-unreadable', dataset.ann_file, str(error))
        return None, []
    prefix = dataset.data_prefix['img']
    return coco, [(osp.join(prefix, img['file_name']), None, loader)
                  for img in coco.images.values()]


def _inspect_all(checked: List[CheckedSource], nproc: int) -> None:
    """Decode every file once and set the facts of the data sets."""
    # Loaders are equal if their settings are, and those are in their repr.
    unique = {str(task): task for one in checked for task in one.tasks}
    if unique:
        results = run_parallel(inspect_image, list(unique.values()), nproc)
        facts = dict(zip(unique, results))
        for one in checked:
            one.facts = [facts[str(task)] for task in one.tasks]


def _trained_images(checked: List[CheckedSource]) -> Dict[object, str]:
    """Places and digests of images that are trained on, with their paths."""
    trained: Dict[object, str] = {}
    for one in checked:
        for task, facts in one.images() if one.source.is_trained else []:
            trained.setdefault(place_of(task), task[0])
            # A copy with another name has the same pixels.
            if facts.digest:
                trained.setdefault(facts.digest, task[0])
    return trained
