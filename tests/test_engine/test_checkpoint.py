from collections import OrderedDict

import numpy as np
import pytest
import torch
from hostile import write_getattr, write_hostile
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmengine.runner import CheckpointLoader, Runner
from mmengine.runner import checkpoint as mmengine_checkpoint
from torch import nn

from mmboxcaseg import InputError
from mmboxcaseg.engine.checkpoint import (read_checkpoint, safe_checkpoints,
                                          set_weights)

WEIGHTS = OrderedDict(weight=torch.arange(6.).reshape(2, 3))


def load(path) -> dict:
    with safe_checkpoints():
        return CheckpointLoader.load_checkpoint(str(path), 'cpu', 'silent')


@pytest.fixture
def download(monkeypatch, tmp_path):
    """A download copies a file."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'hub'))

    def serve(path) -> None:
        monkeypatch.setattr(
            torch.hub,
            'download_url_to_file', lambda url, target, *_, **__: open(
                target, 'wb').write(path.read_bytes()))

    return serve


@pytest.mark.parametrize('address', [
    None, 'https://host/hostile.pth', 'torchvision://resnet18',
    'open-mmlab://resnet50_v1c'
])
@pytest.mark.parametrize(
    'write', [lambda path: write_hostile(path, WEIGHTS), write_getattr])
def test_hidden_code_is_not_run(tmp_path, download, write, address):
    path = tmp_path / 'hostile.pth'
    mark = write(path)
    download(path)
    with pytest.raises(InputError, match='use --trust-checkpoint') as error:
        load(address or path)
    assert ('posix.system' in str(error.value)
            or 'getattr' in str(error.value))
    with pytest.raises(InputError):
        read_checkpoint(str(path))
    assert not mark.exists()


def test_mmengine_alone_runs_it(tmp_path, download):
    """Else the test above could not fail."""
    path = tmp_path / 'hostile.pth'
    mark = write_hostile(path, WEIGHTS)
    CheckpointLoader.load_checkpoint(str(path), 'cpu', 'silent')
    assert mark.exists()
    mark.unlink()
    mark = write_getattr(path)
    with pytest.raises(Exception), torch.serialization.safe_globals(
            mmengine_checkpoint.get_torch_safe_globals()):
        torch.load(path, weights_only=True)
    assert mark.exists()


def test_every_torch_load_is_restricted(tmp_path):
    path = tmp_path / 'hostile.pth'
    mark = write_hostile(path, WEIGHTS)
    with safe_checkpoints(), pytest.raises(InputError):
        torch.load(path, weights_only=False)
    assert not mark.exists()


def test_trusted_checkpoint(tmp_path):
    path = tmp_path / 'hostile.pth'
    mark = write_hostile(path, WEIGHTS)
    with safe_checkpoints(trust_checkpoint=True):
        # The inner context of read_checkpoint does not decide again.
        loaded = read_checkpoint(str(path))['state_dict']
    assert torch.equal(loaded['weight'], WEIGHTS['weight'])
    assert mark.exists()
    assert torch.load.__module__ == 'torch.serialization'


@pytest.mark.parametrize('content', [
    WEIGHTS,
    dict(epoch=3, state_dict=WEIGHTS, optimizer=dict(state={}, lr=0.1)),
    dict(
        meta=dict(
            CLASSES=('cat', ),
            epoch=np.int64(3),
            mAP=np.float32(0.5),
            name=np.str_('a'),
            time='now',
            hook_msgs={}),
        state_dict=WEIGHTS),
    dict(
        state_dict=WEIGHTS,
        message_hub=dict(
            log_scalars=OrderedDict(loss=HistoryBuffer([0.5, 0.25], [1, 1])),
            runtime_info=OrderedDict(
                iter=3,
                means=np.ones((2, 3), np.float32),
                flags=np.array([True]),
                step=slice(1, 3)))),
])
@pytest.mark.parametrize('zipped', [True, False])
def test_plain_checkpoints(tmp_path, content, zipped):
    path = tmp_path / 'plain.pth'
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    loaded = load(path)
    assert loaded.keys() == content.keys()
    weights = read_checkpoint(str(path))['state_dict']
    assert torch.equal(weights['weight'], WEIGHTS['weight'])
    if 'meta' in content:
        assert loaded['meta'] == content['meta']
    if 'message_hub' in content:
        hub = loaded['message_hub']
        assert hub['log_scalars']['loss'].mean() == 0.375
        assert hub['runtime_info']['means'].shape == (2, 3)


@pytest.mark.parametrize('module', ['numpy.core', 'numpy._core'])
def test_names_of_numpy_1_and_2(tmp_path, module):
    path = tmp_path / 'plain.pth'
    torch.save(
        dict(state_dict=WEIGHTS, best=np.float64(0.5), a=np.ones(3)),
        path,
        _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    written = b'numpy._core.multiarray' if (
        b'numpy._core.multiarray' in data) else b'numpy.core.multiarray'
    path.write_bytes(data.replace(written, f'{module}.multiarray'.encode()))
    assert load(path)['best'] == 0.5


@MODELS.register_module()
class TinyModel(BaseModel):

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 1)

    def forward(self, inputs, mode='tensor'):
        loss = self.linear(torch.stack(inputs)).square().mean()
        return dict(loss=loss)


def train(work_dir, max_epochs: int, **settings) -> Runner:
    data = [dict(inputs=torch.ones(2) * i) for i in range(4)]
    cfg = Config(
        dict(
            model=dict(type='TinyModel'),
            work_dir=str(work_dir),
            experiment_name=f'{work_dir.name}_{max_epochs}',
            train_dataloader=dict(
                dataset=data,
                batch_size=2,
                sampler=dict(type='DefaultSampler', shuffle=True)),
            train_cfg=dict(by_epoch=True, max_epochs=max_epochs),
            optim_wrapper=dict(
                optimizer=dict(type='AdamW', lr=0.01),
                clip_grad=dict(max_norm=1)),
            param_scheduler=[
                dict(type='PolyLR', by_epoch=False, end=9),
                dict(
                    type='OneCycleLR',
                    eta_max=0.1,
                    total_steps=9,
                    by_epoch=False)
            ],
            custom_hooks=[dict(type='EMAHook')],
            visualizer=dict(type='Visualizer', vis_backends=[]),
            **settings))
    runner = Runner.from_cfg(cfg)
    runner.message_hub.update_info('best', np.float64(0.5))
    runner.message_hub.update_info('array', np.arange(3))
    with safe_checkpoints():
        runner.train()
    return runner


def test_our_own_training_resumes(tmp_path):
    train(tmp_path, 1)
    path = tmp_path / 'epoch_1.pth'
    saved = torch.load(path, weights_only=False)
    assert saved['ema_state_dict'] and saved['optimizer']['state']
    assert saved['message_hub']['log_scalars']
    runner = train(tmp_path, 2, resume=True, load_from=str(path))
    assert runner.iter == 4


def test_classes_that_the_user_allowed(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save(dict(state_dict=WEIGHTS, model=nn.Identity), path)
    with pytest.raises(InputError, match='Identity'):
        load(path)
    with torch.serialization.safe_globals([nn.Identity]):
        assert load(path)['model'] is nn.Identity
        assert nn.Identity in torch.serialization.get_safe_globals()


@pytest.mark.parametrize('content', [b'', b'weights', b'PK\x03\x04 cut'])
def test_not_a_checkpoint(tmp_path, content):
    path = tmp_path / 'a.pth'
    path.write_bytes(content)
    with pytest.raises(InputError, match='load_from: .*a.pth is not a check'):
        read_checkpoint(str(path), 'load_from')


def test_missing_checkpoint():
    with pytest.raises(InputError, match='load_from not found: no.pth'):
        read_checkpoint('no.pth', 'load_from')


def test_weights_of_the_command_line(tmp_path):
    path = tmp_path / 'a.pth'
    path.touch()
    cfg = Config(dict(model=dict(type='A'), load_from='b.pth'))
    assert set_weights(cfg, str(path)) == str(path) == cfg.load_from
    assert cfg.model == dict(type='A')
    with pytest.raises(InputError, match='checkpoint not found: .*lost.pth'):
        set_weights(cfg, str(tmp_path / 'lost.pth'))


@pytest.mark.parametrize('before, after', [
    (True, False),
    (False, False),
    ('torchvision://resnet50', 'torchvision://resnet50'),
    (None, None),
])
def test_checkpoint_replaces_pretrained_weights(tmp_path, before, after):
    path = tmp_path / 'a.pth'
    path.touch()
    cfg = Config(dict(model=dict(backbone=dict(pretrained=before))))
    set_weights(cfg, str(path))
    assert cfg.model.backbone.pretrained == after


def test_model_that_loads_its_weights():
    cfg = Config(dict(model=dict(type='A', weights=None), load_from='b.pth'))
    assert set_weights(cfg, 'facebook/sam2.1-hiera-large') is None
    assert cfg.load_from is None
    assert cfg.model.weights == 'facebook/sam2.1-hiera-large'
