from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

CONFIGS = Path(__file__).resolve().parents[3] / 'configs/toy'
HOOK = dict(type='mmboxcaseg.LabellerVisualizationHook', interval=2)


@pytest.fixture
def config(tmp_path, tiny_coco, tiny_salient) -> Config:
    """The toy labeller for four iterations, loading in its own process."""
    boxes, salient = tiny_coco(), tiny_salient()
    cfg = Config.fromfile(CONFIGS / 'boxcaseg_hrnetv2-tiny_toy.py')
    cfg.merge_from_dict({
        'train_cfg.max_epochs': 2,
        'train_cfg.val_begin': 3,
        'param_scheduler': [],
        # Maps shall change visibly.
        'optim_wrapper.optimizer.lr': 0.01,
        'train_dataloader.batch_size': 2,
        'train_dataloader.batch_sampler.source_ratio': (1, 1),
    })
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    box_data, salient_data = cfg.train_dataloader.dataset.datasets
    for dataset in (box_data, cfg.val_dataloader.dataset,
                    cfg.label_dataloader.dataset):
        dataset.update(boxes, data_root='')
    salient_data.update(salient, data_root='')
    cfg.label_dataloader.dataset.pipeline[1].margins = (0.1, 0)
    return cfg


@pytest.fixture
def train(config, tmp_path):
    """Trains in a folder below tmp_path, with further hooks."""

    def run(name: str, **hooks) -> Runner:
        cfg = Config(config.to_dict())
        cfg.work_dir = str(tmp_path / name)
        cfg.experiment_name = f'{tmp_path.name}_{name}'
        cfg.default_hooks.update(hooks)
        runner = Runner.from_cfg(cfg)
        runner.train()
        return runner

    return run


def read_figures(folder: Path) -> dict:
    paths = folder.glob('*/vis_data/vis_image/*.png')
    return {path.name: cv2.imread(str(path)) for path in sorted(paths)}


def losses(runner: Runner) -> list:
    return runner.message_hub.get_scalar('train/loss').data[0].tolist()


def test_figures_do_not_change_the_training(train, tmp_path):
    plain = train('plain')
    drawn = train('drawn', visualization=dict(HOOK, num_crops=3))
    assert len(losses(plain)) == 4
    assert losses(plain) == losses(drawn)
    ours = drawn.model.state_dict()
    for name, value in plain.model.state_dict().items():
        assert torch.equal(ours[name], value), name
    modes = [module.training for module in plain.model.modules()]
    assert [module.training for module in drawn.model.modules()] == modes

    assert not read_figures(tmp_path / 'plain')
    figures = read_figures(tmp_path / 'drawn')
    assert list(figures) == ['labeller_2.png', 'labeller_4.png']
    before, after = figures.values()
    width = before.shape[1] // 5  # crop, three heads, mask
    crops, maps = slice(width), slice(width, 4 * width)
    assert before[:, crops].std() > 10
    np.testing.assert_array_equal(before[:, crops], after[:, crops])
    assert (before[:, maps] != after[:, maps]).any()


def test_weak_head_and_no_validation_set(train, config, tmp_path):
    config.model.salient_head = config.model.transferred_head = None
    config.val_cfg = config.val_dataloader = config.val_evaluator = None
    # Its four boxes have two crops each.
    train('drawn', visualization=dict(HOOK, num_crops=8))
    figure = read_figures(tmp_path / 'drawn')['labeller_4.png']
    height, width = figure.shape[:2]
    assert height // 160 == 8 and width // 160 == 3  # crop, weak, mask


def test_only_for_labellers(train, config):
    detector = Config.fromfile(CONFIGS / 'mask-rcnn_r18-tiny_toy.py')
    config.model = detector.model
    with pytest.raises(TypeError, match='the model is a MaskRCNN'):
        train('detector', visualization=HOOK)
