"""Labellers that are not trained here: the same program, another config."""
import json
from pathlib import Path
from typing import List

import pytest
from killing import count_lines, kill_after
from mmengine.fileio import load

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def promptable(folder: Path) -> tuple:
    from promptable import save_model
    config = CONFIGS / 'promptable/promptable_coco.py'
    return config, save_model('sam2', folder / 'tiny-sam2')


@pytest.fixture(scope='module', params=[promptable], ids=['promptable'])
def labeller(request, tmp_path_factory) -> tuple:
    """Config and weights of a labeller."""
    return request.param(tmp_path_factory.mktemp('labeller'))


@pytest.fixture(scope='module')
def label(workspace, labeller) -> List[str]:
    """The command, without its program; the next argument is the output."""
    toy = workspace.root / 'data/toy'
    return [
        *labeller, 'OUT', '--boxes', toy / 'annotations/boxes_train.json',
        '--images', toy / 'train'
    ]


def to(label: List[str], out: Path, *options: str) -> List[str]:
    """The command with an output; one image per batch."""
    command = [out if word == 'OUT' else word for word in label]
    return [
        *command, '--work-dir',
        out.with_suffix(''), *options, '--cfg-options',
        'label_dataloader.num_workers=1', 'label_dataloader.batch_size=1'
    ]


@pytest.fixture(scope='module')
def whole(workspace, label, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('whole') / 'out.json'
    workspace.run('label.py', *to(label, out))
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


def test_two_processes(workspace, label, whole, tmp_path):
    config, weights, out, *options = to(label, tmp_path / 'two.json')
    workspace.run('dist_label.sh', config, weights, out, 2, *options)
    assert out.read_bytes() == whole.read_bytes()


def test_killed_labelling_continues(workspace, label, whole, tmp_path):
    out = tmp_path / 'out.json'
    shard = tmp_path / 'out.json.shards/rank0.jsonl'
    kill_after(workspace, ['label.py', *to(label, out)], shard, lines=2)
    assert not out.exists()
    assert count_lines(shard) < len(load(str(whole))['images'])
    workspace.run('label.py', *to(label, out))
    assert out.read_bytes() == whole.read_bytes()


def test_mixed_precision(workspace, label, whole, tmp_path):
    out = tmp_path / 'amp.json'
    workspace.run('label.py', *to(label, out, '--amp', '--truncate'))
    data = load(str(out))
    assert data['info']['mmboxcaseg']['amp']
    ious = [
        json.dumps(
            [ann['expected_iou'] for ann in load(str(f))['annotations']])
        for f in (out, whole)
    ]
    assert ious[0] != ious[1]
