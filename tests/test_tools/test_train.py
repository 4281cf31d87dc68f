"""Broken files, each with a message of train.py; and what its options do."""
import sys

import mmengine.device
import pytest
import torch
from mmengine.config import Config
from small_data import load_tool
from spoil import annotation, area, edit, image, mask
from torch import nn

from mmboxcaseg.utils import runner


@pytest.mark.parametrize('spoil, words', [
    (image('text'), ('boxes.json', 'the file is not an image', 'b.png')),
    (image('grey16'), ('more than 8 bits', 'b.png')),
    (image('plain'), ('has another size', 'b.png')),
    (lambda data: (data.images / 'b.png').unlink(), ('do not exist', 'b.png')),
    (annotation(bbox=[1, 2, 'x', 4]), ('annotation 5', 'finite numbers')),
    (annotation(category_id=99),
     ('boxes.json', 'annotation 5', 'unknown class', 'Correct or remove')),
    (edit(lambda d: d['annotations'].clear()),
     ('boxes.json', 'no annotations')),
    (mask(area(255, 20, 24)), ('salient_img', 'its mask has another size')),
    (mask(area(255, channels=(3, ))), ('its mask has colours', 'one.jpg')),
])
def test_train(refused, data, spoil, words):
    spoil(data)
    output = refused('train', data.labeller, '--work-dir',
                     data.folder / 'work')
    for word in words:
        assert word in output
    assert 'Epoch(train)' not in output


@pytest.fixture
def run_train(monkeypatch, tmp_path):
    """Runs train.py up to the runner, and returns the config it would use."""
    weights, config = tmp_path / 'weights.pth', tmp_path / 'tiny.py'
    torch.save(dict(), weights)
    config.write_text('model = dict(type="mmdet.ResNet", depth=18)\n'
                      f'load_from = {str(weights)!r}\n'
                      'train_dataloader = dict(dataset=dict())\n'
                      'train_cfg = dict()\n'
                      'optim_wrapper = dict(type="OptimWrapper")\n')
    monkeypatch.chdir(tmp_path)  # the default work folder is made there

    def run(*argv: str, device: str = 'cpu') -> Config:
        tool = load_tool('train')
        built = []

        class Runner:

            train_dataloader = [None]
            model = nn.Module()

            def __init__(self, cfg, *loops):
                built.append(cfg)

            def train(self):
                pass

        monkeypatch.setattr(runner, 'build_runner', Runner)
        monkeypatch.setattr(mmengine.device, 'get_device', lambda: device)
        monkeypatch.setattr(sys, 'argv', ['train.py', str(config), *argv])
        tool.main()
        return built[0]

    return run


def test_train_plain(run_train, tmp_path):
    cfg = run_train()
    assert cfg.load_from == str(tmp_path / 'weights.pth')
    assert not cfg.get('resume')


def test_resumed_training_needs_no_pretrained_weights(run_train, tmp_path):
    option = ('--cfg-options', 'model.backbone.pretrained=True')
    assert run_train(*option).model.backbone.pretrained
    path = tmp_path / 'iter_5.pth'
    torch.save(
        dict(meta={}, state_dict={}, optimizer={}, message_hub={}), path)
    cfg = run_train('--resume', str(path), *option)
    assert not cfg.model.backbone.pretrained


def test_resume(run_train, tmp_path):
    # a first run: nothing to resume from, the config's weights are loaded
    work_dir = ('--work-dir', str(tmp_path))
    cfg = run_train('--resume', *work_dir)
    assert cfg.load_from == str(tmp_path / 'weights.pth')
    assert not cfg.get('resume')

    checkpoint = tmp_path / 'iter_5.pth'
    torch.save(
        dict(meta={}, state_dict={}, optimizer={}, message_hub={}), checkpoint)
    (tmp_path / 'last_checkpoint').write_text(str(checkpoint))
    for argv in [('--resume', ), ('--resume', str(checkpoint))]:
        cfg = run_train(*work_dir, *argv)
        assert cfg.resume
        assert cfg.load_from == str(checkpoint)

    torch.save(dict(meta={}, state_dict={}), checkpoint)
    with pytest.raises(SystemExit, match='has no message_hub, optimizer'):
        run_train('--resume', str(checkpoint))


def test_auto_scale_lr(run_train):
    option = ('--cfg-options', 'auto_scale_lr.base_batch_size=16')
    assert run_train('--auto-scale-lr', *option).auto_scale_lr.enable
    with pytest.raises(SystemExit, match='base_batch_size'):
        run_train('--auto-scale-lr')


def test_amp_without_gpu(run_train):
    options = ('--cfg-options', 'label_dataloader.batch_size=1')
    assert run_train(
        '--amp',
        *options).optim_wrapper == dict(type='mmboxcaseg.BFloat16OptimWrapper')
    with pytest.raises(SystemExit, match='only labellers'):
        run_train('--amp')


@pytest.mark.parametrize('before',
                         ['OptimWrapper', 'mmboxcaseg.BFloat16OptimWrapper'])
def test_amp_with_gpu(run_train, before):
    options = ('--cfg-options', f'optim_wrapper.type={before}')
    cfg = run_train('--amp', *options, device='cuda')
    assert cfg.optim_wrapper == dict(
        type='AmpOptimWrapper', loss_scale='dynamic')


def test_amp_of_another_wrapper(run_train):
    with pytest.raises(SystemExit, match='cannot replace ApexOptimWrapper'):
        run_train(
            '--amp',
            '--cfg-options',
            'optim_wrapper.type=ApexOptimWrapper',
            device='cuda')
