"""All checks of a config."""
from typing import Dict, List, Tuple

from mmdet.datasets import CocoDataset
from mmengine.config import Config

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import load_json
from mmboxcaseg.utils.cli import run_parallel
from . import rules  # noqa: F401, registers the checks
from .checked_source import CheckedSource
from .coco_file import CocoFile
from .findings import CHECKS, ERROR, Findings, add_kinds
from .images import inspect_image, place_of
from .sources import find_sources

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
    checked = find_sources(cfg, findings)
    if not checked and not list(findings):
        raise InputError(f'{cfg.filename} has no data loader with a data set, '
                         'so there is nothing to check.')
    for one in checked:
        _read(one, findings)
    _inspect_all(checked, nproc)
    # check_overlap() compares each data set with all training images.
    trained = _trained_images(checked)
    for one in checked:
        one.trained = trained
        for check, salient in CHECKS.items():
            for kind, example in check(one) if one.coco or salient else []:
                findings.add(kind, one.where, example)
    return findings, checked


def _read(one: CheckedSource, findings: Findings) -> None:
    """Read the COCO file or list the folders of a data set."""
    dataset = one.dataset
    try:
        if one.is_salient:
            one.tasks = [(pair['img_path'], pair['seg_map_path'], one.loader)
                         for pair in dataset.pair_files()]
        else:
            data = load_json(
                dataset.ann_file,
                dataset.backend_args,
                for_mmdet=type(dataset) is CocoDataset)
            one.coco = CocoFile(dataset.ann_file, data)
            one.tasks = list(map(one.task, one.coco.images.values()))
    except (OSError, InputError) as error:
        kind = 'salient-files' if one.is_salient else 'json-unreadable'
        findings.add(kind, one.where, str(error))


def _inspect_all(checked: List[CheckedSource], nproc: int) -> None:
    """Decode every file once and set the facts of the data sets."""
    # The repr of a loader contains its settings, so tasks with equal strings
    # load the same pixels.
    unique = {str(task): task for one in checked for task in one.tasks}
    if unique:
        results = run_parallel(inspect_image, list(unique.values()), nproc)
        facts = dict(zip(unique, results))
        for one in checked:
            one.facts = [facts[str(task)] for task in one.tasks]


def _trained_images(checked: List[CheckedSource]) -> Dict[object, str]:
    """Map the place and the digest of each training image to its path."""
    trained: Dict[object, str] = {}
    for one in checked:
        for task, facts in one.images() if one.is_trained else []:
            trained.setdefault(place_of(task), task[0])
            # A copy with another name has the same pixels.
            if facts.digest:
                trained.setdefault(facts.digest, task[0])
    return trained
