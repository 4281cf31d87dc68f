"""Crop sizes that end a run of MMEngine's own runner."""
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmboxcaseg import InputError
from mmboxcaseg.engine.hooks import CropSizeHook
from mmboxcaseg.registry import MODELS

TOY = Path(__file__).parents[3] / 'configs/toy/boxcaseg_hrnetv2-tiny_toy.py'

# With patches of 14 px and random weights.
VIT = dict(
    type='mmpretrain.TIMMBackbone',
    model_name='vit_tiny_patch16_224',
    patch_size=14,
    features_only=True,
    out_indices=(-1, ),
    dynamic_img_size=True)


def test_child_config(tmp_path, tiny_coco, tiny_salient):
    stems = [f's{i}' for i in range(7)]
    path = tmp_path / 'child.py'
    path.write_text(f'''
_base_ = {str(TOY)!r}
work_dir = {str(tmp_path)!r}
val_cfg = val_dataloader = val_evaluator = None
crop_size = 64
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(datasets=[
        dict(_base_.box_source, **{tiny_coco()!r}),
        dict(_base_.salient_source, **{tiny_salient(stems, stems)!r})
    ]))
''')
    runner = Runner.from_cfg(Config.fromfile(path))
    with pytest.raises(InputError, match='crop_size=64 has no effect'):
        runner.train()


@pytest.fixture
def run_hook():
    """Calls the hook with this model and these sizes; returns the model."""

    def run(val: int, label: int, **model) -> torch.nn.Module:
        cfg = Config.fromfile(TOY)
        cfg.merge_from_dict({
            'val_dataloader.dataset.crop_size': val,
            'label_dataloader.dataset.crop_size': label
        })
        cfg.model = dict(cfg.model, **model)
        built = MODELS.build(cfg.model)
        runner = SimpleNamespace(cfg=cfg, model=built)
        CropSizeHook().before_train(runner)
        return built

    return run


@pytest.mark.parametrize('val, label', [(56, 64), (64, 56)])
def test_size_that_does_not_fit_the_patches(run_hook, val, label):
    with pytest.raises(InputError, match='refuses crops of 64 px.*crop_size'):
        run_hook(val, label, backbone=VIT, channels=192)


def test_sizes_that_fit(run_hook):
    model = run_hook(56, 28, backbone=VIT, channels=192)
    assert model.training and model.weak_head.training
    # Other backbones take all sizes, and are not run.
    assert run_hook(56, 64).training


def test_check_changes_no_weights(run_hook):
    torch.manual_seed(0)
    mobile = dict(
        type='mmpretrain.TIMMBackbone',
        model_name='mobilenetv3_small_050',
        features_only=True,
        out_indices=(1, 2, 3, 4))
    model = run_hook(64, 32, backbone=mobile, channels=336)
    buffers = dict(model.named_buffers())
    counts = [v for k, v in buffers.items() if k.endswith('batches_tracked')]
    assert counts and not any(counts)
