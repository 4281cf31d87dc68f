import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from torch import nn

from mmboxcaseg import InputError
from mmboxcaseg.utils.runner import build_runner, check_weights


@MODELS.register_module()
class EmptyModel(BaseModel):

    def forward(self) -> None:
        pass


@MODELS.register_module()
class BuggyModel(EmptyModel):

    def __init__(self) -> None:
        super().__init__()
        torch.ones(2).numpy().reshape(3)


def config(tmp_path, **settings) -> Config:
    return Config(
        dict(
            model=dict(type='EmptyModel'),
            work_dir=str(tmp_path),
            default_hooks=dict(logger=None),
            experiment_name=tmp_path.name,
            visualizer=dict(type='Visualizer', vis_backends=[]),
            **settings))


def test_setting_that_a_library_refuses(tmp_path):
    cfg = config(
        tmp_path,
        test_dataloader=dict(dataset=[0], sampler=None, batch_size=1),
        test_cfg=dict(),
        test_evaluator=dict(type='mmdet.CocoMetric', metric='mask'))
    build_runner(cfg)
    with pytest.raises(InputError, match='run: metric should be one of'):
        build_runner(cfg, 'test')


@pytest.mark.parametrize('loader, message', [
    (dict(persistent_workers=True), 'persistent_workers option needs'),
    (dict(prefetch_factor=2), 'prefetch_factor option could only'),
])
def test_setting_that_pytorch_refuses(tmp_path, loader, message):
    cfg = config(
        tmp_path,
        train_dataloader=dict(
            dataset=[0],
            sampler=dict(type='DefaultSampler'),
            batch_size=1,
            **loader),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1)))
    with pytest.raises(InputError, match=message):
        build_runner(cfg, 'train')


def test_class_that_does_not_exist(tmp_path):
    cfg = config(tmp_path, custom_hooks=[dict(type='mmdet.SetEpochInfoHok')])
    with pytest.raises(InputError, match='SetEpochInfoHok is not in the'):
        build_runner(cfg)


def test_bug_in_a_constructor_keeps_its_traceback(tmp_path):
    cfg = config(tmp_path)
    cfg.model = dict(type='BuggyModel')
    with pytest.raises(ValueError, match='cannot reshape') as error:
        build_runner(cfg)
    assert not isinstance(error.value, InputError)


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_checkpoint_that_lacks_weights(tmp_path, prefix):
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1))
    path = str(tmp_path / 'a.pth')
    state = {prefix + k: v for k, v in model.state_dict().items()}
    torch.save(dict(state_dict=state), path)
    check_weights(model, path)
    torch.save(state, path)
    check_weights(model, path)
    model.append(nn.Conv2d(1, 1, 1))
    with pytest.raises(InputError, match=r'a.pth lacks 2 weights .*\(2.weig'):
        check_weights(model, path)
