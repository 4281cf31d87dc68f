import importlib.util
from pathlib import Path

import pytest
from mmengine.config import Config

TOOL = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/ablate.py'
TOY = TOOL.parents[2] / 'configs/toy'
METRICS = {'mIoU_star': 'mask/mIoU_star'}


@pytest.fixture
def tool(monkeypatch, tmp_path):
    """The tool, with a training that only writes its log.

    Its log gives mIoU* = the seed / 10 after as many epochs as the file
    ``epochs`` says.
    """
    spec = importlib.util.spec_from_file_location('ablate', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    train = tmp_path / 'train.py'
    train.write_text("""
import json, os, sys
from mmengine.config import Config
cfg = Config.fromfile(sys.argv[1])
folder = os.path.join(sys.argv[3], '2026', 'vis_data')
os.makedirs(folder, exist_ok=True)
value = cfg.randomness.seed / 10
with open(os.path.join(folder, 'scalars.json'), 'a') as file:
    for line in ({'loss': 1}, {f'mask/{k}': value for k in
                 ('mIoU_star', 'IoU_50', 'IoU_75')} | {'step': cfg.epochs}):
        file.write(json.dumps(line) + '\\n')
""")
    monkeypatch.setattr(tool, 'TOOLS', str(tmp_path))
    return tool


def make_config(seed: int, epochs: int = 3) -> Config:
    return Config(
        dict(
            train_cfg=dict(max_epochs=3),
            randomness=dict(seed=seed),
            epochs=epochs))


def test_a_run_that_is_done_is_not_run_again(tool, tmp_path):
    folder = str(tmp_path / 'run')
    assert tool.train(make_config(4), folder, METRICS)['mIoU_star'] == 0.4
    logs = list(tmp_path.rglob('scalars.json'))
    size = logs[0].stat().st_size
    assert tool.train(make_config(4), folder, METRICS)['mIoU_star'] == 0.4
    assert logs[0].stat().st_size == size
    # Another config has a folder of its own.
    assert tool.train(make_config(5), folder, METRICS)['mIoU_star'] == 0.5


def test_a_run_without_its_last_validation(tool, tmp_path):
    with pytest.raises(SystemExit, match='no validation after its last epoch'):
        tool.train(make_config(4, epochs=2), str(tmp_path / 'run'), METRICS)


def test_a_run_that_fails(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, 'TOOLS', str(tmp_path / 'lost'))
    with pytest.raises(SystemExit, match='train.py failed, see .*train.log'):
        tool.train(make_config(4), str(tmp_path / 'run'), METRICS)


def test_table(tool):
    runs = [dict(AP=value, kept=0.5) for value in (0.7, 0.72, 0.74)]
    table = {'all': runs, 'weak': runs[:1], 'twin': [dict(AP=0.8)]}
    lines = tool.to_markdown(table, ['kept', 'AP']).splitlines()
    assert lines[0] == '| | kept | AP | seeds |'
    assert lines[2] == '| all | 50.0 ± 0.0 | 72.0 ± 2.0 | 3 |'
    assert lines[3] == '| weak | 50.0 ± 0.0 | 70.0 ± 0.0 | 1 |'
    assert lines[4] == '| twin |  | 80.0 ± 0.0 | 1 |'


def test_rows_are_those_of_table_4(tool):
    assert list(tool.HEADS) == [
        'weak', 'salient', 'weak + transferred', 'weak + salient', 'all'
    ]


@pytest.mark.parametrize('row, images', [
    ('merge, threshold 0.9', 400),
    ('10 % true + 90 % proxy masks', 400),
])
def test_every_image_is_learnt_once(tool, row, images):
    cfg = Config.fromfile(TOY / 'proxy-mask-rcnn_r18-tiny_toy.py')
    true = 'data/toy/annotations/instances_train.json'
    if not (TOOL.parents[2] / true).exists():
        pytest.skip(f'{true} is not there; `make demo` writes it')
    files = dict(true=str(TOOL.parents[2] / true), merged='merged.json')
    tool.use_masks(cfg, tool.DETECTORS[row], files)
    dataset = cfg.train_dataloader.dataset
    parts = dataset.get('datasets', [dataset])
    indices = sum((list(part.get('indices', range(400))) for part in parts),
                  [])
    assert sorted(indices) == list(range(images))
    assert [part.ann_file for part in parts][-1] == 'merged.json'
    if len(parts) > 1:
        assert parts[0].true_masks and len(parts[0].indices) == 40


def test_rows_of_the_detector(tool):
    """Tables 7 and 8 of the paper, and what a file is dropped by."""
    thresholds = [
        sources[0]['mask_score_thr']
        for row, sources in tool.DETECTORS.items()
        if row.startswith('merge') and 'weight' not in row
    ]
    assert thresholds == [0, 0.75, 0.85, 0.9, 0.95]
    assert tool.DETECTORS['no merge, no drop'][0]['file'] == 'unmerged'
    assert tool.DETECTORS['twin'] is None


def test_share_kept(tool, tmp_path, tiny_coco):

    def edit(data):
        for ann, score in zip(data['annotations'], (1, 0.8, 0.5, None, 0)):
            if score is not None:
                size = [[40, 50], [40, 50], [48, 32], 0,
                        [30, 30]][data['annotations'].index(ann)]
                ann['segmentation'] = dict(size=size, counts='0')
                ann.update(mask_score=score, mask_source='tiny@1')

    path = tiny_coco(edit)['ann_file']
    assert tool.share_kept(path, 0.8) == 0.5
    assert tool.share_kept(path, 0) == 0.75
