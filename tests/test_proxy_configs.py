"""Proxy configs equal their fully supervised baselines.

Only the data set, two transforms and the mask heads differ.
"""
import argparse
import functools
import os.path as osp
import re
import shlex
from copy import deepcopy
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import mmdet
import pytest
import torch
from mmdet.datasets import VOCDataset
from mmengine.config import Config, ConfigDict, DictAction
from mmengine.registry import init_default_scope
from proxy_files import edit_annotations, write_proxy_files

from mmboxcaseg.registry import DATASETS, METRICS, MODELS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / 'configs/proxy_mask_rcnn'
MMDET = Path(mmdet.__file__).parent / '.mim/configs'

BASELINES = {
    'proxy-mask-rcnn_r50_fpn_1x_coco':
    MMDET / 'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py',
    'proxy-mask-rcnn_r101_fpn_1x_coco':
    MMDET / 'mask_rcnn/mask-rcnn_r101_fpn_1x_coco.py',
    'proxy-mask-rcnn_r101_fpn_3x_coco':
    MMDET / 'mask_rcnn/mask-rcnn_r101_fpn_ms-poly-3x_coco.py',
    'proxy-mask-rcnn_r50_fpn_13e_vocaug':
    FOLDER / 'mask-rcnn_r50_fpn_13e_vocaug.py',
    'proxy-mask-rcnn_r101_fpn_13e_vocaug':
    FOLDER / 'mask-rcnn_r101_fpn_13e_vocaug.py',
    'proxy-cascade-mask-rcnn_r50_fpn_1x_coco':
    MMDET / 'cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco.py',
    'proxy-point-rend_r50-caffe_fpn_ms-1x_coco':
    MMDET / 'point_rend/point-rend_r50-caffe_fpn_ms-1x_coco.py',
    'proxy-rtmdet-ins_s_8xb32-300e_coco':
    MMDET / 'rtmdet/rtmdet-ins_s_8xb32-300e_coco.py',
    'proxy-condinst_r50_fpn_ms-90k_coco':
    MMDET / 'condinst/condinst_r50_fpn_ms-poly-90k_coco_instance.py',
}
MASK_HEADS = {
    'cascade-mask-rcnn': ['roi_head.mask_head'],
    'point-rend': ['roi_head.mask_head', 'roi_head.point_head'],
    'rtmdet-ins': ['bbox_head'],
    'condinst': ['mask_head'],
}
each_config = pytest.mark.parametrize('name', BASELINES)


def without_scope(value: Any) -> Any:
    """A config without the scopes that MMEngine adds to it."""
    if isinstance(value, dict):
        return {
            key: without_scope(item)
            for key, item in value.items() if key != '_scope_'
        }
    if isinstance(value, (list, tuple)):
        return [without_scope(item) for item in value]
    return value


@functools.lru_cache(maxsize=None)
def read_once(path: Path) -> Config:
    return Config.fromfile(path)


def read(name: str) -> Config:
    """A copy of a config of the folder."""
    return deepcopy(read_once(FOLDER / f'{name}.py'))


def read_pair(name: str) -> Tuple[ConfigDict, ConfigDict]:
    """A config and its baseline, to be compared."""
    return tuple(
        ConfigDict(without_scope(read_once(path).to_dict()))
        for path in (FOLDER / f'{name}.py', BASELINES[name]))


def differences(ours: Any, theirs: Any, path: str = '') -> Dict[str, tuple]:
    """Paths of what differs, with our value and theirs."""
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return {} if ours == theirs else {path: (ours, theirs)}
    found = {}
    for key in {**ours, **theirs}:
        found.update(
            differences(
                ours.get(key), theirs.get(key), f'{path}.{key}'.lstrip('.')))
    return found


def train_set(cfg: Config) -> ConfigDict:
    """The innermost data set of training."""
    dataset = cfg.train_dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    return dataset


def pipelines(cfg: Config) -> Iterator[List[dict]]:
    """All pipelines that a training uses, one after the other."""
    yield train_set(cfg).pipeline
    for hook in cfg.get('custom_hooks', []):
        if hook.type == 'PipelineSwitchHook':
            yield hook.switch_pipeline


def to_proxies(transform: dict) -> dict:
    """The transform that replaces one of the baseline."""
    transform = dict(transform)
    if transform['type'] == 'LoadAnnotations':
        transform['type'] = 'mmboxcaseg.LoadProxyAnnotations'
    if transform['type'] == 'PackDetInputs':
        transform['type'] = 'mmboxcaseg.PackProxyInputs'
    return transform


def test_every_config_has_a_baseline():
    names = {path.stem for path in FOLDER.glob('proxy-*.py')}
    assert {n for n in names if 'coco-mini' not in n} == set(BASELINES)


@each_config
def test_nothing_else_differs(name):
    cfg, baseline = read_pair(name)
    changed = {path.split('.')[0] for path in differences(baseline, cfg)}
    ours = {'proxy_coco', 'proxy_types', 'tensorboard'}
    allowed = {'model', 'train_dataloader', 'train_pipeline', 'visualizer'}
    evaluators = {'val_evaluator', 'test_evaluator'} & changed
    for key in evaluators:  # the metric that is right for id 0
        assert differences(baseline,
                           cfg)[f'{key}.type'][1] == ('mmboxcaseg.CocoMetric')
        assert set(differences(baseline[key], cfg[key])) == {'type'}
    assert len(evaluators) == (2 if name.endswith('coco') else 0)
    changed -= evaluators
    if 'rtmdet' in name:
        allowed |= {'auto_scale_lr', 'custom_hooks', 'train_pipeline_stage2'}
    assert changed - ours <= allowed
    assert not ours & set(baseline) - {'tensorboard'}


@each_config
def test_only_the_mask_heads_of_the_model_differ(name):
    cfg, baseline = read_pair(name)
    method = name.removeprefix('proxy-').split('_')[0]
    heads = MASK_HEADS.get(method, ['roi_head.mask_head'])
    found = differences(cfg.model, baseline.model)
    assert set(found) == {f'{head}.type' for head in heads}
    for ours, theirs in found.values():
        assert ours == f'mmboxcaseg.Proxy{theirs}'


@each_config
def test_pipelines_differ_by_two_transforms(name):
    cfg, baseline = read_pair(name)
    ours, theirs = list(pipelines(cfg)), list(pipelines(baseline))
    assert len(ours) == len(theirs) == (2 if 'rtmdet' in name else 1)
    for proxy, full in zip(ours, theirs):
        assert proxy == [to_proxies(transform) for transform in full]
        # Both are there, so the comparison is not empty.
        assert sum('mmboxcaseg.' in t['type'] for t in proxy) == 2


@each_config
def test_data_set_differs_by_file_and_masks(name):
    cfg, baseline = read_pair(name)
    ours, theirs = train_set(cfg), train_set(baseline)
    assert set(differences(ours, theirs)) == {
        'type', 'data_root', 'ann_file', 'data_prefix.img', 'mask_score_thr',
        'pipeline'
    }
    assert ours.type == 'mmboxcaseg.ProxyCocoDataset'
    assert ours.mask_score_thr == 0.95
    data = 'vocaug' if name.endswith('vocaug') else 'coco'
    assert ours.ann_file == f'work_dirs/{data}/label.json'
    # The same images, in the folder that the labeller reads.
    images = osp.join(theirs.data_root, theirs.data_prefix.img)
    assert osp.join(ours.data_root, ours.data_prefix.img) == images
    labeller = Config.fromfile(ROOT /
                               f'configs/_base_/datasets/{data}_boxes_duts.py')
    labelled = labeller.label_dataloader.dataset
    assert osp.join(labelled.data_root, labelled.data_prefix.img) == images


@each_config
def test_base_batch_size(name):
    cfg, _ = read_pair(name)
    in_name = re.search(r'_(\d+)xb(\d+)-', name)
    gpus, samples = map(int, in_name.groups()) if in_name else (8, 2)
    assert cfg.train_dataloader.batch_size == samples
    assert cfg.auto_scale_lr == dict(
        enable=False, base_batch_size=gpus * samples)


def test_the_authors_schedule_for_voc():
    _, cfg = read_pair('proxy-mask-rcnn_r101_fpn_13e_vocaug')
    batch = cfg.auto_scale_lr.base_batch_size
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(0.0075 / 6 * batch)
    epochs = 22500 * 6 / 10582
    assert cfg.train_cfg.max_epochs == round(epochs)
    warm_up, steps = cfg.param_scheduler
    assert 'end' not in steps  # it ends with the training
    assert steps.milestones == [round(epochs * 15 / 22.5)]


def test_classes_of_voc():
    _, cfg = read_pair('proxy-mask-rcnn_r50_fpn_13e_vocaug')
    classes = list(VOCDataset.METAINFO['classes'])
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        assert loader.dataset.metainfo.classes == classes
    for head in (cfg.model.roi_head.bbox_head, cfg.model.roi_head.mask_head):
        assert head.num_classes == len(classes)


def test_evaluator_of_voc():
    cfg, baseline = read_pair('proxy-mask-rcnn_r50_fpn_13e_vocaug')
    truth = cfg.val_dataloader.dataset
    assert cfg.val_evaluator == dict(
        type='mmboxcaseg.InstanceAPMetric',
        ann_file=osp.join(truth.data_root, truth.ann_file))
    assert cfg.test_evaluator == baseline.test_evaluator == cfg.val_evaluator
    assert METRICS.get(cfg.val_evaluator.type) is not None


@pytest.mark.parametrize('name', [
    *BASELINES, 'mask-rcnn_r50_fpn_13e_vocaug', 'mask-rcnn_r101_fpn_13e_vocaug'
])
def test_model_is_built(name):
    init_default_scope('mmdet')
    cfg = read(name)
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    named = set(re.findall(r'mmboxcaseg\.(\w+)', str(cfg.model)))
    assert named <= {type(module).__name__ for module in model.modules()}
    assert bool(named) == (name in BASELINES)


README = (FOLDER / 'README.md').read_text(encoding='utf-8')
OPTIONS = re.findall(r'^\| ([^|`]+) \| `(train_dataloader.*)` \|$', README,
                     re.MULTILINE)


def parse_options(text: str) -> dict:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    return parser.parse_args(['--cfg-options', *shlex.split(text)]).cfg_options


@pytest.fixture
def proxy_file(tiny_coco, rng) -> ConfigDict:
    """Settings of a data set that reads a small proxy file."""
    paths = write_proxy_files(tiny_coco(), rng)

    def rescore(annotations: list) -> None:
        for ann, score in zip(annotations, (0.99, 0.9, 0.5)):
            assert 'mask_score' in ann
            ann['mask_score'] = score
            ann['expected_iou'] = 1 - score / 2
        annotations[-1]['expected_iou'] = 0

    edit_annotations(paths.proxy, rescore)
    return ConfigDict(
        ann_file=paths.proxy,
        data_prefix=dict(img=paths.img_prefix),
        metainfo=dict(classes=('cat', 'dog')))


def training_weights(cfg: Config, options: dict) -> List[float]:
    """Mask weights of a training set with the options of a user."""
    cfg = deepcopy(cfg)
    cfg.merge_from_dict(options)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    while hasattr(dataset, 'dataset'):
        dataset = dataset.dataset
    return [
        instance['mask_weight'] for i in range(len(dataset))
        for instance in dataset.get_data_info(i)['instances']
        if not instance['ignore_flag']
    ]


BEST = ('the best 30 % of each class by expected IoU '
        '([other rules](../../docs/detector.md#other-rules))')


@each_config
def test_options_of_the_readme(name, proxy_file):
    init_default_scope('mmdet')
    cfg = read(name)
    train_set(cfg).update(proxy_file)
    assert training_weights(cfg, {}) == [1, 0, 0]
    expected = {
        'Table 8, threshold 0.85': [1, 1, 0],
        'Table 8, nothing dropped': [1, 1, 1],
        'the score is the weight': pytest.approx([0.99, 0.9, 0.5]),
        BEST: [0, 1, 1],
    }
    assert set(expected) <= {what for what, _ in OPTIONS}
    for what, option in OPTIONS:
        if '_3x_' in name:
            option = option.replace('.dataset.', '.dataset.dataset.')
        options = parse_options(option)
        weights = training_weights(cfg, options)
        assert weights == expected.get(what, [1, 0, 0])


def test_commands_of_the_readme():
    for path in re.findall(r'(?:tools|configs)/[\w./-]+\.(?:py|sh)', README):
        assert (ROOT / path).exists(), path
    option, = re.findall(r'--cfg-options (visualizer\S+)`', README)
    for name in BASELINES:
        cfg = read(name)
        cfg.merge_from_dict(parse_options(option))
        assert [backend.type for backend in cfg.visualizer.vis_backends
                ] == ['LocalVisBackend', 'WandbVisBackend']


@each_config
def test_pipelines_keep_weights(name, proxy_file):
    """Every pipeline runs, and keeps all boxes unless it crops."""
    init_default_scope('mmdet')
    cfg = read(name)
    train_set(cfg).update(proxy_file)
    for pipeline in list(pipelines(cfg)):
        train_set(cfg).pipeline = pipeline
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        for i in range(len(dataset)):
            gt = dataset[i]['data_samples'].gt_instances
            assert len(gt.mask_weights) == len(gt.masks) == len(gt.bboxes)
            if 'rtmdet' not in name:
                assert sorted(gt.mask_weights.tolist()) in ([0, 1], [0])
