"""Every config can be read, and its model and losses can be built."""
import argparse
import ast
import re
import shlex
from pathlib import Path

import pytest
import torch
from mmengine.config import Config, DictAction
from mmengine.dataset import Compose
from mmengine.registry import VISUALIZERS, init_default_scope

from mmboxcaseg.checks import check_settings
from mmboxcaseg.engine.checkpoint import set_weights
from mmboxcaseg.registry import DATASETS, MODELS

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted(
    path.relative_to(ROOT) for path in (ROOT / 'configs').rglob('*.py')
    if '_base_' not in path.parts)
OTHER_LABELLERS = [
    path for path in CONFIGS if path.parent.name in ('promptable', 'onnx')
]
LABELLERS = [path for path in CONFIGS if path.name.startswith('boxcaseg_')]


@pytest.mark.parametrize('path', CONFIGS, ids=str)
def test_config_is_read(path):
    cfg = Config.fromfile(ROOT / path)
    if 'model' in cfg:
        assert [backend.type for backend in cfg.visualizer.vis_backends
                ] == ['LocalVisBackend', 'TensorboardVisBackend']


@pytest.mark.parametrize('name', [
    'toy/mask-rcnn_r18-tiny_toy.py',
    'proxy_mask_rcnn/proxy-mask-rcnn_r50_fpn_1x_coco.py'
])
def test_losses_go_to_tensorboard(name, tmp_path):
    init_default_scope('mmdet')
    cfg = Config.fromfile(ROOT / 'configs' / name).visualizer
    cfg.update(name=name, save_dir=str(tmp_path))
    visualizer = VISUALIZERS.build(cfg)
    visualizer.add_scalars(dict(loss=1.0), step=1)
    visualizer.close()
    files = {path.name for path in (tmp_path / 'vis_data').iterdir()}
    assert 'scalars.json' in files
    assert any(name.startswith('events.out.tfevents') for name in files)


def own_bases(path: Path) -> list:
    """The bases of a config that belong to this project."""
    for statement in ast.parse(path.read_text(encoding='utf-8')).body:
        if ast.unparse(statement).startswith('_base_ = '):
            bases = ast.literal_eval(statement.value)
            bases = [bases] if isinstance(bases, str) else bases
            return [path.parent / base for base in bases if '::' not in base]
    return []


def depth(path: Path) -> int:
    return max((1 + depth(base) for base in own_bases(path)), default=0)


@pytest.mark.parametrize('path', CONFIGS, ids=str)
def test_inheritance_is_shallow(path):
    assert depth(ROOT / path) <= 3


@pytest.mark.parametrize('path', LABELLERS, ids=str)
def test_labeller_is_built(path):
    init_default_scope('mmdet')
    cfg = Config.fromfile(ROOT / path)
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
        feats = model.neck(model.backbone(torch.rand(2, 3, 64, 64)))
        model.weak_head(feats)  # the channels fit
    loader = cfg.train_dataloader
    if loader.batch_sampler:
        # Otherwise building the sampler would fail.
        assert loader.batch_size % sum(loader.batch_sampler.source_ratio) == 0
    gpus = re.search(r'_(\d)xb(\d+)-', path.name)
    if gpus:
        total = int(gpus[1]) * int(gpus[2])
        assert cfg.auto_scale_lr.base_batch_size == total
        assert loader.batch_size == int(gpus[2])


@pytest.mark.parametrize('path', LABELLERS, ids=str)
def test_pipelines_are_built(path):
    init_default_scope('mmdet')
    cfg = Config.fromfile(ROOT / path)
    sources = [
        cfg.label_dataloader.dataset, cfg.val_dataloader.dataset,
        *cfg.train_dataloader.dataset.datasets
    ]
    for source in sources:
        assert len(Compose(source.pipeline).transforms) >= 3
        assert DATASETS.get(source.type) is not None


@pytest.mark.parametrize('path', OTHER_LABELLERS, ids=str)
@pytest.mark.parametrize('program', ['label', 'test'])
def test_other_labeller_is_accepted(path, program):
    init_default_scope('mmdet')
    cfg = Config.fromfile(ROOT / path)
    check_settings(cfg, program)
    loader = cfg[f'{program}_dataloader']
    assert ('train'
            if program == 'label' else 'val') in loader.dataset.ann_file
    assert DATASETS.get(loader.dataset.type) is not None
    assert len(Compose(loader.dataset.pipeline).transforms) == 3
    assert set_weights(cfg, 'weights') is None


def test_there_are_other_labellers():
    assert len(OTHER_LABELLERS) == 5


COCO = 'boxcaseg_hrnetv2-w48_2xb16-50e_coco-duts.py'
VOC = 'boxcaseg_hrnetv2-w48_2xb16-40e_vocaug-duts.py'


@pytest.mark.parametrize('path, epochs, mixed, overlap', [
    (COCO, 50, True, 0.5),
    (VOC, 40, False, None),
])
def test_the_papers_schedules(path, epochs, mixed, overlap):
    cfg = Config.fromfile(ROOT / 'configs/boxcaseg' / path)
    assert cfg.optim_wrapper.optimizer.lr == 0.004
    assert cfg.train_cfg.max_epochs == epochs
    scheduler, = cfg.param_scheduler
    # MMEngine lets it end with the training.
    assert scheduler.type == 'PolyLR' and 'end' not in scheduler
    assert bool(cfg.train_dataloader.batch_sampler) == mixed
    boxes, salient = cfg.train_dataloader.dataset.datasets
    assert boxes.get('overlap_iou') == overlap
    assert salient.single_object
    assert 'coco' in boxes.data_root or 'voc' in boxes.data_root


README = (ROOT / 'configs/boxcaseg/README.md').read_text(encoding='utf-8')
OPTIONS = re.findall(r'^\| (Table .*?) \| `(.*)` \|$', README, re.MULTILINE)


@pytest.mark.parametrize('row, option', OPTIONS)
def test_option_of_the_readme(row, option):
    """The options in the README are parsed like a command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--options', nargs='+', action=DictAction)
    options = parser.parse_args(['--options', *shlex.split(option)]).options
    cfg = Config.fromfile(ROOT / 'configs/boxcaseg' / COCO)
    before = cfg.pretty_text
    cfg.merge_from_dict(options)
    assert cfg.pretty_text != before
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    if 'Table 4' in row:
        assert ' + '.join(model.heads) == row.split(', ')[1]
    if 'Table 6' in row:
        assert model.fusion.alpha == 0.3
    if 'random' in row:
        assert cfg.train_dataloader.batch_sampler is None
        assert cfg.train_dataloader.sampler.shuffle
    if 'ratio' in row:
        assert cfg.train_dataloader.batch_sampler.source_ratio == [11, 5]


def test_all_tables_are_in_the_readme():
    assert {row[:7] for row, _ in OPTIONS} == {f'Table {i}' for i in '3456'}


@pytest.mark.parametrize('path', LABELLERS, ids=str)
def test_which_crops_the_pixel_heads_see(path):
    """The paper's configs follow the paper, small ones what is better."""
    small = 'coco-mini' in path.name or 'toy' in path.name
    expected = 'all' if small else 'masked'
    assert Config.fromfile(ROOT / path).model.pixel_heads_on == expected
