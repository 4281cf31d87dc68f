"""Labellers that are not trained here: the same program, another config."""
from pathlib import Path
from typing import Callable, Sequence

import pytest
import torch
from killing import count_lines, kill_after
from mmengine.config import Config
from mmengine.fileio import load

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def promptable(workspace, folder: Path) -> tuple:
    from promptable import save_model
    config = CONFIGS / 'promptable/promptable_coco.py'
    return config, save_model('sam2', folder / 'tiny-sam2')


def onnx(workspace, folder: Path) -> tuple:
    """The toy labeller with random weights, exported."""
    for name in ('onnxruntime', 'onnxscript'):
        pytest.importorskip(
            name, reason=f'{name} is not installed: mmboxcaseg[onnx]')
    from mmboxcaseg.registry import MODELS
    config = CONFIGS / 'toy/boxcaseg_hrnetv2-tiny_toy.py'
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(config).model)
    for name, param in model.named_parameters():
        if '_head.' in name and '.bn.' not in name:
            torch.nn.init.normal_(param, std=0.1)
    torch.save(dict(state_dict=model.state_dict()), folder / 'tiny.pth')
    out = folder / 'tiny.onnx'
    workspace.run('model_converters/export_onnx.py', config,
                  folder / 'tiny.pth', out)
    return (CONFIGS / 'onnx/onnx-boxcaseg_coco.py', out,
            'label_dataloader.dataset.crop_size=96')


@pytest.fixture(
    scope='module', params=[promptable, onnx], ids=['promptable', 'onnx'])
def labeller(request, workspace, tmp_path_factory) -> tuple:
    """Config and weights of a labeller, and settings of the config."""
    return request.param(workspace, tmp_path_factory.mktemp('labeller'))


@pytest.fixture(scope='module')
def command(workspace, labeller) -> Callable:
    """Makes the arguments of label.py; one image per batch."""
    config, weights, *settings = labeller
    toy = workspace.root / 'data/toy'

    def make(out: Path, *options: str, processes: Sequence = ()) -> list:
        return [
            config, weights, out, *processes, '--boxes',
            toy / 'annotations/boxes_train.json', '--images', toy / 'train',
            '--work-dir',
            out.with_suffix(''), *options, '--cfg-options',
            'label_dataloader.num_workers=1', 'label_dataloader.batch_size=1',
            *settings
        ]

    return make


@pytest.fixture(scope='module')
def whole(workspace, command, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('whole') / 'out.json'
    workspace.run('label.py', *command(out))
    return out


def test_file(whole, labeller):
    data = load(str(whole))
    assert all(0 <= ann['expected_iou'] <= 1 for ann in data['annotations'])
    assert any(ann['expected_iou'] > 0 for ann in data['annotations'])
    assert any(ann['mask_score'] > 0 for ann in data['annotations'])
    record = data['info']['mmboxcaseg']
    name = Path(labeller[1]).name.removesuffix('.onnx')
    digest = record['checkpoint_sha256'][:8]
    assert record['mask_source'] == f'{name}@{digest}'


def test_two_processes(workspace, command, whole, tmp_path):
    out = tmp_path / 'two.json'
    workspace.run('dist_label.sh', *command(out, processes=[2]))
    assert out.read_bytes() == whole.read_bytes()


def test_killed_labelling_continues(workspace, command, whole, tmp_path):
    out = tmp_path / 'out.json'
    shard = tmp_path / 'out.json.shards/rank0.jsonl'
    kill_after(workspace, ['label.py', *command(out)], shard, lines=2)
    assert not out.exists()
    assert count_lines(shard) < len(load(str(whole))['images'])
    workspace.run('label.py', *command(out))
    assert out.read_bytes() == whole.read_bytes()


def test_mixed_precision(workspace, command, whole, tmp_path):
    out = tmp_path / 'amp.json'
    workspace.run('label.py', *command(out, '--amp', '--truncate'))
    data = load(str(out))
    record = data['info']['mmboxcaseg']
    assert record['amp'] and record['pipeline'][1]['truncate']
    before = load(str(whole))['annotations']
    for ann, other in zip(data['annotations'], before):
        assert ann['expected_iou'] == pytest.approx(
            other['expected_iou'], abs=0.1)
