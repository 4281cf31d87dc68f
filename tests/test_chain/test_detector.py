"""The detector of the chain: its log, and a process without any mask."""
import json
from pathlib import Path

import pytest
from mmengine.config import Config
from stock_mmdet import check_same_detections, detect_here, run_in_stock_mmdet
from tensorboard.backend.event_processing.event_accumulator import \
    EventAccumulator

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def half_dropped(chain, workspace) -> Path:
    """The proxy file with all masks of every second image dropped."""
    data = json.loads(chain.proxy_file.read_text())
    dropped = {image['id'] for image in data['images'][1::2]}
    for ann in data['annotations']:
        ann['mask_weight'] = float(ann['image_id'] not in dropped)
    path = workspace.root / 'half_dropped.json'
    path.write_text(json.dumps(data))
    return path


@pytest.fixture(scope='module')
def detector_config(workspace, half_dropped) -> Path:
    """One epoch in the order of the file: rank 1 gets the dropped masks."""
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
    """Its mask loss is 0 in every step, and the training continues."""
    workspace.run('dist_train.sh', detector_config, 2, '--work-dir', tmp_path)
    losses = [[
        json.loads(line)['losses']
        for line in (tmp_path /
                     f'steps_rank{rank}.jsonl').read_text().splitlines()
    ] for rank in range(2)]
    assert len(losses[0]) == len(losses[1]) == 4
    for kept, dropped in zip(*losses):
        assert kept['loss_mask'] > 0 and kept['mask_share'] > 0.5
        assert dropped['loss_mask'] == dropped['mask_share'] == 0
        assert dropped['loss_bbox'] > 0 and dropped['loss_cls'] > 0
    assert (tmp_path / 'epoch_1.pth').exists()


def test_log_shows_which_masks_are_used(chain, half_dropped):
    """A table of classes at the start, and the share of RoIs in every log."""
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


def test_it_runs_without_mmboxcaseg(chain, workspace, tmp_path):
    """Converted, or as it is with a stock config; see docs/detector.md."""
    folder, out = chain.work_dir / 'proxy', tmp_path / 'detector.pth'
    config, weights = folder / 'detector.py', folder / 'epoch_1.pth'
    workspace.run('model_converters/detector_to_mmdet.py', config, weights,
                  out)
    image = next((workspace.root / 'data/toy/val').glob('*.jpg'))
    expected = detect_here(image, weights, config)
    check_same_detections(expected, image, out)
    stock = ROOT / 'configs/toy/mask-rcnn_r18-tiny_toy.py'
    check_same_detections(expected, image, weights, stock)
    # Its own config names classes of mmboxcaseg.
    done = run_in_stock_mmdet(image, tmp_path / 'found.pth', weights)
    assert done.returncode and 'mmboxcaseg' in done.stderr
