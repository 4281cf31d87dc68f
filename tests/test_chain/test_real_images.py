"""The labeller on real images, if there are any."""
from pathlib import Path

import pytest
from mmengine.fileio import dump, load
from real_images import DATA, needs_real_images

CONFIG = 'boxcaseg/boxcaseg_hrnetv2-tiny_coco-mini-ecssd.py'
ROOT = Path(__file__).resolve().parents[2]
BOXES = DATA / 'coco_mini' / 'annotations' / 'boxes_train.json'

pytestmark = [pytest.mark.slow, needs_real_images]


@pytest.fixture
def five_images(tmp_path) -> Path:
    data = load(BOXES)
    data['images'] = data['images'][:5]
    chosen = {img['id'] for img in data['images']}
    data['annotations'] = [
        ann for ann in data['annotations'] if ann['image_id'] in chosen
    ]
    dump(data, tmp_path / 'five.json')
    return tmp_path / 'five.json'


def test_real_images(workspace, five_images, tmp_path):
    config = ROOT / 'configs' / CONFIG
    options = ('--work-dir', tmp_path, '--cfg-options',
               'train_cfg.max_epochs=1', 'default_hooks.checkpoint.interval=1',
               'default_hooks.logger.interval=1',
               'train_dataloader.dataset.datasets.0.indices=30',
               'train_dataloader.dataset.datasets.1.indices=21')
    environment = dict(MMBOXCASEG_DATA=str(DATA))
    output = workspace.run('train.py', config, *options, **environment)
    assert 'Epoch(train) [1][3/3]' in output
    assert 'loss: nan' not in output

    out = tmp_path / 'proxy.json'
    workspace.run('label.py', config, tmp_path / 'epoch_1.pth', out, '--boxes',
                  five_images, '--images', DATA / 'coco_mini' / 'images',
                  '--work-dir', tmp_path, **environment)
    anns = load(out)['annotations']
    for ann in anns:
        assert ('mask_score' in ann) == (not ann['iscrowd'])
    assert len(anns) == len(load(five_images)['annotations']) > 5
