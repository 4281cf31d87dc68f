"""Runs that were interrupted and continue."""
import json
from pathlib import Path
from typing import Callable, List

import pytest
import torch
from killing import count_lines, kill_after
from mmengine.fileio import load


@pytest.fixture
def label(chain, labeller_config, tmp_path) -> List[str]:
    """Command that labels the images of the chain again, one per batch."""
    return [
        'label.py', labeller_config, chain.checkpoint, tmp_path / 'out.json',
        '--work-dir', tmp_path, '--cfg-options',
        'label_dataloader.batch_size=1'
    ]


def test_killed_labelling_continues(chain, workspace, label, tmp_path):
    out = tmp_path / 'out.json'
    shard = tmp_path / 'out.json.shards' / 'rank0.jsonl'
    kill_after(workspace, label, shard, lines=2)
    assert not out.exists()
    assert count_lines(shard) < len(load(chain.source)['images'])

    # The last line may be incomplete.
    shard.write_bytes(shard.read_bytes()[:-5])
    output = workspace.run(*label)
    assert 'out.json: ' in output
    assert out.read_bytes() == chain.proxy_file.read_bytes()
    assert not shard.parent.exists()


def test_resumed_training_is_the_uninterrupted_one(chain, workspace,
                                                   labeller_config, tmp_path):
    first = chain.work_dir / 'labeller' / 'epoch_1.pth'
    workspace.run('train.py', labeller_config, '--work-dir', tmp_path,
                  '--resume', first)
    resumed = torch.load(tmp_path / 'epoch_2.pth', weights_only=False)
    whole = torch.load(chain.checkpoint, weights_only=False)
    assert resumed['meta']['epoch'] == whole['meta']['epoch'] == 2
    assert resumed['meta']['iter'] == whole['meta']['iter'] == 4
    before = torch.load(first, weights_only=False)['state_dict']
    for name, weight in whole['state_dict'].items():
        assert torch.equal(resumed['state_dict'][name], weight), name
    assert any(not torch.equal(before[name], weight)
               for name, weight in whole['state_dict'].items())

    logs = [
        json.loads(line) for path in tmp_path.glob('*/vis_data/scalars.json')
        for line in path.read_text().splitlines()
    ]
    # One epoch of two iterations; the counters continue.
    assert [(log['epoch'], log['iter']) for log in logs
            if 'loss' in log] == [(2, 3), (2, 4)]


@pytest.fixture
def many(chain, tmp_path) -> Path:
    """The boxes of the chain on many images, copies of the few."""
    data = load(chain.source)
    images, annotations = [], []
    for copy in range(15):
        for img in data['images']:
            images.append(dict(img, id=len(images) + 1))
            annotations += [
                dict(ann, id=len(annotations) + k, image_id=len(images))
                for k, ann in enumerate(ann for ann in data['annotations']
                                        if ann['image_id'] == img['id'])
            ]
    path = tmp_path / 'many.json'
    path.write_text(
        json.dumps(dict(data, images=images, annotations=annotations)))
    return path


@pytest.fixture
def label_many(chain, labeller_config, many, tmp_path) -> Callable:
    """Command that labels many images, one per batch, to a file."""

    def command(name: str) -> List[str]:
        return [
            'label.py', labeller_config, chain.checkpoint, tmp_path / name,
            '--boxes', many, '--images', 'data/toy/train', '--work-dir',
            tmp_path, '--cfg-options', 'label_dataloader.batch_size=1'
        ]

    return command


@pytest.mark.slow
def test_killed_ten_times_at_random(workspace, label_many, rng, tmp_path):
    workspace.run(*label_many('whole.json'))
    out = tmp_path / 'killed.json'
    shard = tmp_path / 'killed.json.shards' / 'rank0.jsonl'
    for _ in range(10):
        lines = count_lines(shard) + rng.integers(0, 10)
        kill_after(workspace, label_many('killed.json'), shard, lines)
        assert not out.exists()
        # In half of the cases the last line is incomplete.
        if shard.exists() and rng.random() < 0.5:
            shard.write_bytes(shard.read_bytes()[:-rng.integers(1, 200)])
    workspace.run(*label_many('killed.json'))
    assert out.read_bytes() == (tmp_path / 'whole.json').read_bytes()


@pytest.mark.slow
def test_full_disk(workspace, label_many, tmp_path):
    out = tmp_path / 'full.json'
    # No file may grow beyond this size, as if the disk were full. That also
    # counts for the shared memory of loader processes, so there are none.
    output = workspace.run(
        *label_many('full.json'),
        'label_dataloader.num_workers=0',
        fails=True,
        file_size=30000)
    assert 'cannot write' in output and 'continues where' in output
    assert not out.exists()
    shard = tmp_path / 'full.json.shards' / 'rank0.jsonl'
    done = count_lines(shard)
    assert done > 5
    workspace.run(*label_many('full.json'))
    workspace.run(*label_many('whole.json'))
    assert out.read_bytes() == (tmp_path / 'whole.json').read_bytes()
