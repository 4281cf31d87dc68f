from argparse import Namespace

import pytest
from mmengine.config import Config
from small_data import ROOT, load_tool

from mmboxcaseg import InputError
from mmboxcaseg.datasets import ProxyCocoDataset
from mmboxcaseg.utils.steps import StepRunner

TOY = ROOT / 'configs/toy'
METRICS = {'mIoU_star': 'mask/mIoU_star'}
TRAIN = """
import json, os, sys
from mmengine.config import Config
cfg = Config.fromfile(sys.argv[1])
work_dir = sys.argv[3]
folder = os.path.join(work_dir, '2026', 'vis_data')
os.makedirs(folder, exist_ok=True)
value = cfg.randomness.seed / 10
with open(os.path.join(folder, 'scalars.json'), 'a') as file:
    for line in ({'loss': 1}, {f'mask/{k}': value for k in
                 ('mIoU_star', 'IoU_50', 'IoU_75')} | {'step': cfg.epochs}):
        file.write(json.dumps(line) + '\\n')
with open(os.path.join(work_dir, 'last_checkpoint'), 'w') as file:
    file.write('epoch_3.pth')
"""


@pytest.fixture(scope='module')
def tool():
    return load_tool('analysis_tools/ablate')


@pytest.fixture
def steps(tmp_path) -> StepRunner:
    """Runs a train.py that only writes its log.

    It logs mIoU* = seed / 10 after as many epochs as the config says.
    """
    (tmp_path / 'train.py').write_text(TRAIN)
    return StepRunner(str(tmp_path), str(tmp_path / 'work'), quiet=True)


def make_config(seed: int, epochs: int = 3) -> Config:
    return Config(
        dict(
            train_cfg=dict(max_epochs=3),
            randomness=dict(seed=seed),
            epochs=epochs))


def test_a_finished_training_is_not_repeated(tool, steps, tmp_path):
    assert tool.train(make_config(4), steps, 'run', METRICS) == dict(
        mIoU_star=0.4, checkpoint='epoch_3.pth')
    log, = tmp_path.rglob('scalars.json')
    size = log.stat().st_size
    tool.train(make_config(4), steps, 'run', METRICS)
    assert log.stat().st_size == size
    other = tool.train(make_config(5), steps, 'run', METRICS)
    assert other['mIoU_star'] == 0.5


def test_a_training_without_its_last_validation(tool, steps):
    with pytest.raises(InputError, match='no validation after its last epoch'):
        tool.train(make_config(4, epochs=2), steps, 'run', METRICS)


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
def test_every_image_is_used_once(tool, row, images):
    cfg = Config.fromfile(TOY / 'proxy-mask-rcnn_r18-tiny_toy.py')
    true = 'data/toy/annotations/instances_train.json'
    if not (ROOT / true).exists():
        pytest.skip(f'{true} is not there; `make demo` writes it')
    files = dict(true=str(ROOT / true), merged='merged.json')
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
    """Tables 7 and 8 of the paper."""
    thresholds = [
        sources[0]['mask_score_thr']
        for row, sources in tool.DETECTORS.items()
        if row.startswith('merge') and 'weight' not in row
    ]
    assert thresholds == [0, 0.75, 0.85, 0.9, 0.95]
    assert tool.DETECTORS['no merge, no drop'][0]['file'] == 'unmerged'
    assert tool.DETECTORS['twin'] is None


def test_rows_of_the_shares(tool):
    filters = [
        tuple(rows[0]['mask_filter'].values())
        for rows in tool.SHARES.values() if rows
    ]
    assert len(filters) == len(set(filters)) == 19
    assert ('expected_iou', 0.2, True) in filters


def test_unknown_row(tool, monkeypatch, capsys):
    monkeypatch.setattr(
        'sys.argv',
        ['ablate.py', 'shares', 'a.py', '--rows', 'merge, threshold 0.95'])
    with pytest.raises(SystemExit):
        tool.parse_args()
    assert "`shares` has no row 'merge, threshold 0.95'" in (
        capsys.readouterr().err)


@pytest.mark.parametrize('study', ('detector', 'shares'))
def test_label_options_of_the_pipeline(tool, study, monkeypatch):
    monkeypatch.setattr(tool, 'train_labeller',
                        lambda *args: dict(checkpoint='a.pth'))
    pipeline = Config(
        dict(
            labeller='boxcaseg_hrnetv2-tiny_toy.py',
            train=dict(boxes='boxes.json', images='images'),
            label_options=('--merge-by', 'probability')),
        filename=str(TOY / 'toy_pipeline.py'))
    labelled = {}

    class Steps:

        def label(self, name, config, *args):
            labelled[name] = args[3:]
            return f'{name}.json'

    files = tool.label(
        Namespace(study=study, labeller_options={}), Steps(), pipeline, 0)
    assert files['merged'] == 'merged_seed0.json'
    assert labelled.pop('merged_seed0') == ('--merge-by', 'probability')
    assert labelled == (
        dict(unmerged_seed0=('--merge-by', 'probability',
                             '--no-merge')) if study == 'detector' else {})


def test_masks_that_are_not_used(tool, tiny_coco):
    """Data sets of boxes alone can be built."""

    def edit(data):
        for ann in data['annotations']:
            ann.update(
                segmentation=[[5, 6, 20, 6, 20, 20]],
                mask_score=1,
                mask_source='x')

    _, boxes = tool.DETECTORS['10 % true masks']
    dataset = ProxyCocoDataset(
        **tiny_coco(edit),
        metainfo=dict(classes=('cat', 'dog')),
        pipeline=[lambda item: item],
        mask_filter=boxes['mask_filter'])
    assert not any(ins['mask_weight'] for item in dataset
                   for ins in item['instances'])
