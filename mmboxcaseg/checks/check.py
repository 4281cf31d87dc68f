"""All checks of a config."""
import os.path as osp
from typing import Dict, List, NamedTuple, Optional, Tuple

from mmdet.datasets import CocoDataset
from mmengine.config import Config

from mmboxcaseg import InputError
from mmboxcaseg.datasets.base_dataset import loads_upright
from mmboxcaseg.datasets.coco import (check_class_order, check_true_masks,
                                      load_coco, load_json)
from mmboxcaseg.utils.cli import run_parallel
from .annotations import CocoFile, check_coco_file
from .findings import Findings
from .images import ImageFacts, Task, inspect_image
from .sources import Source, find_sources

# Pillow's names of pixels that are worth a note.
_MODES = {
    '1': 'image-grey',
    'L': 'image-grey',
    'LA': 'image-grey',
    'P': 'image-palette',
    'CMYK': 'image-cmyk'
}


class CheckedSource(NamedTuple):
    """A data set of a config and what was found of its files.

    Args:
        source (Source): The data set.
        coco (CocoFile, optional): Its COCO file, if it has one that can be
            read.
        tasks (list[tuple]): Its images, see :func:`inspect_image`; those of
            a COCO file in the order of ``coco.images``.
        facts (list[ImageFacts]): What they are.
    """
    source: Source
    coco: Optional[CocoFile]
    tasks: List[Task]
    facts: List[ImageFacts] = []


def check_config(cfg: Config,
                 nproc: int) -> Tuple[Findings, List[CheckedSource]]:
    """Check all data sets of a config.

    Args:
        cfg (Config): Config of any stage.
        nproc (int): Number of processes that read images.

    Returns:
        tuple: What was found; and the data sets.

    Raises:
        InputError: The config has no data set.
    """
    findings = Findings()
    sources = find_sources(cfg, findings)
    if not sources and not list(findings):
        raise InputError(f'{cfg.filename} has no data loader with a data set '
                         'in it, so there is nothing to check.')
    checked = [_read(source, findings) for source in sources]
    facts = _inspect_all([task for one in checked for task in one.tasks],
                         nproc)
    checked = [
        one._replace(facts=[facts[_key(task)] for task in one.tasks])
        for one in checked
    ]
    for one in checked:
        _check_model(cfg, one, findings)
        if one.coco:
            _report_images(one, findings)
        elif one.source.is_salient:
            _report_salient(one, findings)
    _check_overlap(checked, findings)
    return findings, checked


def check_classes(cfg: Config) -> None:
    """Compare a detector's classes with its heads and its COCO files.

    Of a class that it does not find mmdet leaves out the boxes, or it ends
    with "need at least one array to concatenate", and it numbers classes as
    the file does. Our own data sets compare their files themselves.

    Args:
        cfg (Config): Config of any stage; only mmdet's data sets and those
            derived from them are looked at.

    Raises:
        FileNotFoundError: A COCO file does not exist.
        InputError: The classes differ. The message names both sides.
    """
    heads = _class_numbers(cfg.get('model') or {}, 'model')
    for source in find_sources(cfg, Findings()):
        if not source.is_detection:
            continue
        classes = list(source.dataset.metainfo['classes'])
        for name, number in heads:
            if number != len(classes):
                raise InputError(
                    f'{name}.num_classes is {number}, but the data set of '
                    f'{source.loaders[0]} has {len(classes)} classes: '
                    f'{classes}. Correct one of them.')
        if type(source.dataset) is CocoDataset:
            _check_names(source, classes)


def _check_names(source: Source, classes: List[str]) -> None:
    path = source.dataset.ann_file
    data = load_json(path, source.dataset.backend_args, may_have_mark=False)
    check_class_order(data['categories'], classes, path)


def check_truth(cfg: Config, stage: str) -> None:
    """Check that there are masks where evaluators compare with masks.

    They would fail in the middle, at the first image or the last one. Only
    :class:`InstanceAPMetric` reads its file before.

    Args:
        cfg (Config): Config of any stage.
        stage (str): 'val' or 'test'.

    Raises:
        FileNotFoundError: A COCO file does not exist.
        InputError: Annotations have no mask. The message names them.
    """
    evaluators = cfg.get(f'{stage}_evaluator') or []
    if isinstance(evaluators, dict):
        evaluators = [evaluators]
    used = [one for one in evaluators if _compares_masks(one)]
    for source in find_sources(cfg, Findings()) if used else []:
        if f'{stage}_dataloader' in source.loaders:
            for evaluator in used:
                own = evaluator if 'ann_file' in evaluator else dict(
                    ann_file=source.dataset.ann_file,
                    backend_args=source.dataset.backend_args)
                data = load_coco(own['ann_file'], own.get('backend_args'))
                check_true_masks(data['annotations'],
                                 {img['id']: img
                                  for img in data['images']}, own['ann_file'])


def _compares_masks(evaluator: dict) -> bool:
    name = str(evaluator.get('type')).rpartition('.')[2]
    return name == 'InstanceIoUMetric' or (
        name == 'CocoMetric' and 'segm' in evaluator.get('metric', 'bbox')
        and not evaluator.get('format_only'))


def _read(source: Source, findings: Findings) -> CheckedSource:
    """Read the file or the folders of a data set; check what they say."""
    dataset, coco, tasks = source.dataset, None, []
    if source.is_salient:
        try:
            pairs = dataset.pair_files()
        except (FileNotFoundError, ValueError) as error:
            findings.add('salient-files', dataset.data_prefix['img'],
                         str(error))
        else:
            tasks = [(pair['img_path'], pair['seg_map_path'], source.loader)
                     for pair in pairs]
        return CheckedSource(source, None, tasks)
    try:
        data = load_json(dataset.ann_file, dataset.backend_args)
        coco = CocoFile(dataset.ann_file, data)
    except (OSError, ValueError) as error:
        findings.add('json-unreadable', dataset.ann_file, str(error))
    else:
        check_coco_file(coco, source, findings)
        prefix = dataset.data_prefix['img']
        tasks = [(osp.join(prefix, img['file_name']), None, source.loader)
                 for img in coco.images.values()]
    return CheckedSource(source, coco, tasks)


def _key(task: Task) -> tuple:
    path, mask_path, loader = task
    return path, mask_path, repr(loader)


def _inspect_all(tasks: List[Task], nproc: int) -> Dict[tuple, ImageFacts]:
    """Decode every file once."""
    unique = {_key(task): task for task in tasks}
    if not unique:
        return {}
    facts = run_parallel(inspect_image, list(unique.values()), nproc)
    return dict(zip(unique, facts))


def _report_images(checked: CheckedSource, findings: Findings) -> None:
    coco, upright = checked.coco, loads_upright(
        checked.source.dataset.pipeline)
    for img, facts in zip(coco.images.values(), checked.facts):
        name = img['file_name']
        if facts.problem:
            findings.add(facts.problem, coco.path, name)
            continue
        _report_pixels(facts, coco.path, name, findings)
        size, stored = (img['height'],
                        img['width']), facts.header.loaded_size(upright=False)
        if size != facts.size:
            findings.add(
                'image-turned' if size == stored else 'image-size', coco.path,
                f'{name} ({facts.size[1]}x{facts.size[0]}, the JSON says '
                f'{size[1]}x{size[0]})')
        elif upright and facts.header.orientation > 1:
            findings.add(
                'image-orientation' if size == stored else 'image-upright',
                coco.path, f'{name} (orientation {facts.header.orientation})')


def _report_salient(checked: CheckedSource, findings: Findings) -> None:
    dataset = checked.source.dataset
    folder = dataset.data_prefix['img']
    for (path, _, _), facts in zip(checked.tasks, checked.facts):
        name = osp.basename(path)
        if facts.problem:
            findings.add(facts.problem, folder, name)
            continue
        _report_pixels(facts, folder, name, findings)
        for kind in facts.mask_kinds:
            # These are left out, with a count.
            if kind != 'mask-empty' or not dataset.single_object:
                findings.add(kind, folder, name)


def _report_pixels(facts: ImageFacts, where: str, name: str,
                   findings: Findings) -> None:
    if facts.header.mode in _MODES:
        findings.add(_MODES[facts.header.mode], where, name)
    if facts.transparent:
        findings.add('image-transparent', where, name)


def _check_model(cfg: Config, checked: CheckedSource,
                 findings: Findings) -> None:
    """Compare the classes of a detector's training set with its heads."""
    source, coco = checked.source, checked.coco
    if not (coco and source.is_detection and source.is_trained):
        return
    num_classes = len(source.dataset.metainfo.get('classes', ()))
    for name, number in _class_numbers(cfg.get('model') or {}, 'model'):
        if number != num_classes:
            findings.add(
                'class-number', coco.path,
                f'{name}.num_classes={number}, {num_classes} classes')


def _class_numbers(model: dict, where: str) -> List[Tuple[str, int]]:
    """``num_classes`` of all heads of a model."""
    numbers = []
    for key, value in model.items():
        for i, part in enumerate(
                value if isinstance(value, list) else [value]):
            if not isinstance(part, dict) or 'backbone' in key:
                continue
            name = f'{where}.{key}'
            if isinstance(value, list):
                name += f'.{i}'
            if 'head' in key and 'num_classes' in part:
                numbers.append((name, part['num_classes']))
            numbers += _class_numbers(part, name)
    return numbers


def _check_overlap(checked: List[CheckedSource], findings: Findings) -> None:
    """Find images that are trained and measured on."""
    trained = {}
    for one in checked:
        if one.source.is_trained:
            for task, facts in zip(one.tasks, one.facts):
                trained.setdefault(_place(task), task[0])
                if facts.digest:
                    trained.setdefault(facts.digest, task[0])
    for one in checked:
        if not one.source.is_tested:
            continue
        for task, facts in zip(one.tasks, one.facts):
            same_file = trained.get(_place(task))
            other = same_file or trained.get(facts.digest)
            if other:
                how = 'the same file' if same_file else f'same pixels: {other}'
                findings.add('overlap', one.source.name, f'{task[0]} ({how})')


def _place(task: Task) -> tuple:
    """Where an image is; another storage may have the same path."""
    path, _, loader = task
    return osp.realpath(path), str(loader.backend_args)
