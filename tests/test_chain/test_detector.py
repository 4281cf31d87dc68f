"""The detector of the chain: its log, and two processes of unequal luck."""
import json
from pathlib import Path

import pytest
from mmengine.config import Config
from tensorboard.backend.event_processing.event_accumulator import \
    EventAccumulator


@pytest.fixture(scope='module')
def half_dropped(chain, workspace) -> Path:
    """The proxy file, every second image without a mask to learn from."""
    data = json.loads(chain.proxy_file.read_text())
    dropped = {image['id'] for image in data['images'][1::2]}
    for ann in data['annotations']:
        ann['mask_weight'] = float(ann['image_id'] not in dropped)
    path = workspace.root / 'half_dropped.json'
    path.write_text(json.dumps(data))
    return path


@pytest.fixture(scope='module')
def detector_config(workspace, half_dropped) -> Path:
    """One epoch in the order of the file: each rank has one kind of image."""
    return workspace.write_config(
        'detector_of_halves', 'toy/proxy-mask-rcnn_r18-tiny_toy.py', {
            'train_cfg.max_epochs': 1,
            'train_cfg.val_interval': 2,
            'default_hooks.checkpoint.interval': 1,
            'default_hooks.logger.interval': 1,
            'train_dataloader.batch_size': 1,
            'train_dataloader.sampler.shuffle': False,
            'train_dataloader.dataset.ann_file': str(half_dropped),
            'custom_imports': dict(imports=['step_recorder_hook']),
            'custom_hooks': [dict(type='StepRecorderHook')]
        })  # yapf: disable


def test_one_rank_without_a_mask(workspace, detector_config, tmp_path):
    """It has a mask loss of 0 in every step, and training goes on."""
    workspace.run('dist_train.sh', detector_config, 2, '--work-dir', tmp_path)
    losses = [[
        json.loads(line)['losses']
        for line in (tmp_path /
                     f'steps_rank{rank}.jsonl').read_text().splitlines()
    ] for rank in range(2)]
    assert len(losses[0]) == len(losses[1]) == 4
    for lucky, unlucky in zip(*losses):
        assert lucky['loss_mask'] > 0 and lucky['mask_share'] > 0.5
        assert unlucky['loss_mask'] == unlucky['mask_share'] == 0
        assert unlucky['loss_bbox'] > 0 and unlucky['loss_cls'] > 0
    assert (tmp_path / 'epoch_1.pth').exists()


def test_log_tells_what_is_learnt(chain, half_dropped):
    """The table of classes at the start, the share of RoIs in every log."""
    folder = chain.work_dir / 'proxy'
    log = next(folder.glob('2*/*.log')).read_text()
    names = Config.fromfile(next(folder.glob('*.py'))).metainfo.classes
    for name in (*names, 'all'):
        assert f'| {name} ' in log
    assert 'classes have fewer than 10 masks' in log
    scalars = [
        json.loads(line) for line in next(
            folder.glob('2*/vis_data/scalars.json')).read_text().splitlines()
    ]
    shares = [line['mask_share'] for line in scalars if 'loss' in line]
    assert shares and all(0 <= share <= 1 for share in shares)
    events = EventAccumulator(str(next(folder.glob('2*/vis_data'))))
    events.Reload()
    assert 'mask_share' in events.Tags()['scalars']
