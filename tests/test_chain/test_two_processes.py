"""Two processes (gloo, without a GPU) give the results of one process.

Two launchers start them, as on two machines. test_detector.py starts two
processes by one launcher.
"""
import json
from pathlib import Path
from typing import List

import pytest
import torch


def train_config(workspace, batch_size: int) -> Path:
    """A labeller of one epoch without augmentation."""
    box, salient = (f'train_dataloader.dataset.datasets.{i}.pipeline'
                    for i in range(2))
    size = (96, 96)
    path = workspace.write_config(
        f'plain_batch{batch_size}',
        'toy/boxcaseg_hrnetv2-tiny_toy.py',
        {
            'train_cfg.max_epochs':
            1,
            'train_cfg.val_interval':
            2,
            'default_hooks.checkpoint.interval':
            1,
            'train_dataloader.batch_size':
            batch_size,
            'train_dataloader.batch_sampler.source_ratio': (1, 1),
            f'{box}.1.shift': (0, 0),
            f'{box}.1.scale': (1, 1),
            f'{box}.1.flip_prob':
            0,
            salient: [
                dict(type='LoadImageFromFile'),
                dict(
                    type='LoadAnnotations',
                    with_bbox=False,
                    with_label=False,
                    with_seg=True),
                dict(type='Resize', scale=size, keep_ratio=False),
                dict(type='mmboxcaseg.PackCrops')
            ],
            'train_dataloader.dataset.datasets.1.indices':
            8,
            # Adam would amplify rounding errors of tiny gradients.
            'optim_wrapper.optimizer':
            dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9),
            'param_scheduler': [],
            'custom_imports':
            dict(imports=['step_recorder_hook']),
            'custom_hooks': [
                dict(type='StepRecorderHook'),
                dict(type='mmboxcaseg.LabellerVisualizationHook', interval=4)
            ]
        })
    return path


def read_steps(work_dir: Path, rank: int) -> List[dict]:
    path = work_dir / f'steps_rank{rank}.jsonl'
    return [json.loads(line) for line in path.read_text().splitlines()]


def read_update(work_dir: Path) -> dict:
    """The change of each parameter in a training."""
    start = torch.load(work_dir / 'start_rank0.pth')
    end = torch.load(work_dir / 'epoch_1.pth', weights_only=False)
    return {
        name: weight - start[name]
        for name, weight in end['state_dict'].items()
    }


@pytest.fixture(scope='module')
def one(workspace, tmp_path_factory) -> Path:
    """Work folder of the training on one process."""
    work_dir = tmp_path_factory.mktemp('one')
    workspace.run('train.py', train_config(workspace, 4), '--work-dir',
                  work_dir)
    return work_dir


@pytest.fixture(scope='module')
def two(workspace, tmp_path_factory) -> Path:
    """Work folder of the training on two processes, each with a launcher."""
    work_dir = tmp_path_factory.mktemp('two')
    workspace.run_on_nodes('dist_train.sh', train_config(workspace, 2), 1,
                           '--work-dir', work_dir)
    return work_dir


def test_same_samples(one, two):
    steps = list(zip(*(read_steps(two, rank) for rank in range(2))))
    assert len(steps) == 4
    for whole, halves in zip(read_steps(one, 0), steps):
        for source in ('boxes', 'salient'):
            assert [len(half[source]) for half in halves] == [1, 1]
            assert whole[source] == halves[0][source] + halves[1][source]


def test_same_loss(one, two):
    steps = (read_steps(one, 0), read_steps(two, 0), read_steps(two, 1))
    for whole, *halves in zip(*steps):
        first, second = (half['losses'] for half in halves)
        assert first['loss'] != second['loss']
        assert whole['losses'].keys() == first.keys() >= {
            'loss', 'loss_mil', 'loss_pairwise', 'loss_pixel'
        }
        for name, loss in whole['losses'].items():
            mean = (first[name] + second[name]) / 2
            assert mean == pytest.approx(loss, rel=2e-5, abs=1e-8), name


def test_same_weights(one, two):
    starts = [torch.load(two / f'start_rank{rank}.pth') for rank in range(2)]
    ours, theirs = read_update(one), read_update(two)
    assert ours.keys() == theirs.keys()
    for name, update in ours.items():
        assert torch.equal(starts[0][name], starts[1][name]), name
        error = (theirs[name] - update).abs().max()
        assert error <= 1e-2 * update.abs().max() + 1e-6, name
    assert max(update.abs().max() for update in ours.values()) > 1e-3


def test_same_weights_everywhere(two):
    first, second = (
        torch.load(two / f'end_rank{rank}.pth') for rank in (0, 1))
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(second[name], value), name


def test_only_the_first_process_draws(two):
    figures = two.glob('*/vis_data/vis_image/*')
    assert [path.name for path in figures] == ['labeller_4.png']


def test_same_bytes(chain, workspace, labeller_config, tmp_path):
    two = tmp_path / 'two.json'
    workspace.run_on_nodes('dist_label.sh', labeller_config, chain.checkpoint,
                           two, 1, '--work-dir', tmp_path)
    assert two.read_bytes() == chain.proxy_file.read_bytes()
