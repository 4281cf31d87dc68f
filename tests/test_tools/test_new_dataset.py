"""The configs that new_dataset.py writes follow its rules, and work."""
import json
import re
import shlex
import subprocess
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmdet.apis import inference_detector, init_detector
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from proxy_files import write_proxy_files
from real_images import DATA, needs_real_images
from small_data import load_tool, run_tool

from mmboxcaseg import InputError
from mmboxcaseg.registry import DATASETS, METRICS, MODELS

ROOT = Path(__file__).resolve().parents[2]
STAGES = ('labeller', 'detector', 'pipeline')


@pytest.fixture(autouse=True)
def in_scope():
    init_default_scope('mmdet')


@pytest.fixture
def new_dataset() -> ModuleType:
    return load_tool('new_dataset')


@pytest.fixture
def rules(new_dataset) -> ModuleType:
    return new_dataset.rules


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the tool; returns what it printed."""

    def run_new_dataset(*argv) -> str:
        run_tool(monkeypatch, 'new_dataset', *argv)
        return capsys.readouterr().out

    return run_new_dataset


@pytest.fixture
def data(tiny_coco, tiny_salient, rng) -> SimpleNamespace:
    """Files of a small data set, the input of the tool."""
    coco = tiny_coco()
    stems = [f's{i}' for i in range(7)]
    salient = tiny_salient(stems, stems)['data_prefix']
    paths = write_proxy_files(coco, rng)
    # The crowd has no mask there, which a metric would need.
    truth = json.loads(Path(paths.truth).read_text())
    truth['annotations'] = [
        ann for ann in truth['annotations'] if ann.get('segmentation')
    ]
    Path(paths.truth).write_text(json.dumps(truth))
    return SimpleNamespace(
        boxes=coco['ann_file'],
        images=coco['data_prefix']['img'],
        salient=[salient['img'], salient['mask']],
        proxy=paths.proxy,
        val=paths.truth)


@pytest.fixture
def write(run, data, tmp_path):
    """Runs the tool; returns the configs by stage and what was printed."""

    def run_and_read(*options) -> SimpleNamespace:
        out = tmp_path / 'mine'
        printed = run('--boxes', data.boxes, '--images', data.images,
                      '--salient', *data.salient, '--out', out, *options)
        paths = {stage: out / f'mine_{stage}.py' for stage in STAGES}
        cfgs = {stage: Config.fromfile(path) for stage, path in paths.items()}
        return SimpleNamespace(**cfgs, paths=paths, printed=printed)

    return run_and_read


def first_batch(cfg: Config) -> dict:
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    return next(iter(loader))


def train_one_iteration(cfg: Config) -> dict:
    """Train on the first batch with the config's optimizer."""
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    before = [param.clone() for param in model.parameters()]
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    losses = model.train().train_step(first_batch(cfg), wrapper)
    assert all(torch.isfinite(loss).all() for loss in losses.values())
    assert any(
        (old != new).any() for old, new in zip(before, model.parameters()))
    return losses


@pytest.mark.parametrize('size', ['tiny', 'small', 'w18', 'w48'])
@pytest.mark.parametrize('val', [False, True])
def test_configs_are_built(write, data, size, val):
    written = write('--size', size, *(['--val', data.val] if val else []))
    labeller, detector = written.labeller, written.detector
    with torch.device('meta'):
        assert MODELS.build(labeller.model).weak_head
        heads = MODELS.build(detector.model).roi_head
    assert heads.bbox_head.num_classes == heads.mask_head.num_classes == 2

    train = DATASETS.build(labeller.train_dataloader.dataset)
    assert [len(source) for source in train.datasets] == [4, 7]
    sides = [train[i]['inputs'].shape[2:] for i in (0, 4)]
    assert sides[0] == sides[1]
    assert len(DATASETS.build(labeller.label_dataloader.dataset)) == 3

    dataset = detector.train_dataloader.dataset
    assert dataset.ann_file == 'work_dirs/mine/label.json'
    dataset.ann_file = data.proxy
    dataset = DATASETS.build(dataset)
    # In the order of the file, not sorted.
    assert dataset.metainfo['classes'] == ('cat', 'dog')
    for cfg in (labeller, detector):
        for part in 'dataloader', 'evaluator', 'cfg':
            assert bool(cfg[f'val_{part}']) == val
            assert cfg[f'test_{part}'] is None or val
    if val:
        for cfg in (labeller, detector):
            assert len(DATASETS.build(cfg.val_dataloader.dataset)) == 3
        METRICS.build(detector.val_evaluator)


def test_training_starts(write, data):
    written = write('--size', 'tiny')
    assert {'loss_mil'} < set(train_one_iteration(written.labeller))
    written.detector.train_dataloader.dataset.update(
        ann_file=data.proxy, mask_score_thr=0)
    assert train_one_iteration(written.detector)['loss_mask'] > 0


def test_detector_is_used_without_val(write, data):
    """As in docs/custom_dataset.md."""
    model = init_detector(
        write('--size', 'tiny').detector, palette='random', device='cpu')
    pipeline = Compose(model.cfg.test_pipeline)
    path = f'{data.images}/a.png'
    found = inference_detector(model, path, pipeline).pred_instances
    assert found.masks.shape[1:] == (40, 50)


def test_pipeline(write, data):
    pipeline = write('--size', 'tiny').pipeline
    assert pipeline.train == dict(boxes=data.boxes, images=data.images)
    assert pipeline.val is pipeline.twin is None
    folder = Path(pipeline.filename).parent
    for stage in ('labeller', 'detector'):
        assert (folder / pipeline[stage]).is_file()
    pipeline = write('--size', 'tiny', '--val', data.val, '--force').pipeline
    assert pipeline.val == dict(instances=data.val, images=data.images)


def test_second_round(write, data):
    written = write('--size', 'small', '--second-round')
    path = written.paths['labeller'].with_name('mine_student.py')
    student = Config.fromfile(path)
    assert written.pipeline.student == path.name
    assert written.pipeline.label_options == ('--merge-by', 'probability')
    assert written.printed.count('--merge-by probability') == 2
    round1 = student.surest.ann_file
    commands = [line for line in written.printed.splitlines() if '/' in line]
    order = [
        f'last_checkpoint) {round1}', 'load_from=$(cat work_dirs/mine/la',
        'mine/student/last_checkpoint) work_dirs/mine/label.json'
    ]
    places = [
        next(i for i, line in enumerate(commands) if text in line)
        for text in order
    ]
    assert places == sorted(places)

    proxy = json.loads(Path(data.proxy).read_text())
    for ann in proxy['annotations']:
        ann['expected_iou'] = 0.5
    Path(data.proxy).write_text(json.dumps(proxy))
    sources = student.train_dataloader.dataset.datasets
    sources[1].update(ann_file=data.proxy, min_size=0)
    batch = first_batch(student)
    masks = ['masks' in s.gt_instances for s in batch['data_samples']]
    assert masks == [False] * 9 + [True] * 7
    train_one_iteration(student)


@pytest.mark.parametrize('size', ['small', 'w18'])
def test_teachers(run, data, tmp_path, tiny_salient, size):
    """Beside the salient images and in their place."""
    out, few, many = tmp_path / 'mine', tmp_path / 'few.json', data.val
    truth = json.loads(Path(many).read_text())
    anns = [ann for ann in truth['annotations'] if not ann['iscrowd']]
    for ann in anns:
        ann['bbox'][2:] = 40, 40
    truth['annotations'] = anns
    Path(many).write_text(json.dumps(truth))
    few.write_text(json.dumps(dict(truth, annotations=anns[:1])))
    args = ['--boxes', data.boxes, '--images', data.images, '--out', out]
    args += ['--size', size, '--force', '--teacher', many, data.images]
    args += ['--second-round']
    two = [*args, '--teacher', few, data.images]

    run(*two, '--salient', *data.salient)
    cfg = Config.fromfile(out / 'mine_labeller.py')
    names = ['teacher2', 'teacher1', 'salient']
    sources = cfg.train_dataloader.dataset.datasets
    assert sources[1:] == [cfg[name] for name in names]
    assert cfg.train_dataloader.batch_sampler.source_ratio == (9, 1, 2, 4)
    batch = first_batch(cfg)
    masks = ['masks' in s.gt_instances for s in batch['data_samples']]
    assert masks == [False] * 9 + [True] * 7
    student = Config.fromfile(out / 'mine_student.py').train_dataloader
    assert student.batch_sampler.source_ratio == (9, 2, 1, 2, 2)
    assert student.dataset.datasets[2:] == sources[1:]
    if size == 'small':
        train_one_iteration(cfg)

    for ann in anns:
        ann['id'] += 1000
    Path(many).write_text(json.dumps(dict(truth, annotations=anns)))
    with pytest.raises(SystemExit, match='teacher1: 4 masks, but one batch'):
        run(*two)


@pytest.mark.parametrize('numbers, shares', [
    ([7], [7]),
    ([177, 1000], [1, 6]),
    ([431, 1000], [2, 5]),
    ([1, 1, 1], [3, 2, 2]),
    ([1, 2, 3, 4, 5, 6, 700], [1] * 7),
])
def test_split_of_a_batch(rules, numbers, shares):
    assert rules.split_batch(numbers, 7) == shares
    with pytest.raises(InputError, match='8 sources of masks, but a batch'):
        rules.split_batch([1] * 8, 7)


def shell_words(command: str) -> list:
    """Words of a command; `cat` only names its file."""
    script = f'cat() {{ echo "content of $1"; }}; printf "%s\\n" {command}'
    return subprocess.check_output(['bash', '-c', script],
                                   text=True).splitlines()


def test_names_with_spaces_and_quotes(run, data, tmp_path):
    out, images = tmp_path / "it's mine", tmp_path / 'my images'
    Path(data.images).rename(images)
    printed = run('--boxes', data.boxes, '--images', images, '--salient',
                  *data.salient, '--size', 'small', '--second-round', '--val',
                  data.val, '--out', out)
    configs = {
        stage: out / f"it's mine_{stage}.py"
        for stage in (*STAGES, 'student')
    }
    for path in configs.values():
        assert Config.fromfile(path)
    assert Config.fromfile(
        configs['pipeline']).student == "it's mine_student.py"
    lines = re.findall(r'^    (.*)$', printed, re.MULTILINE)
    check, train, label, again, relabel, report, retrain, test = map(
        shell_words, lines)
    for command in (train, label, relabel):
        assert command[2] == str(configs['labeller'])
    assert again[2] == str(configs['student'])
    work_dir = "work_dirs/it's mine"
    checkpoint = f'content of {work_dir}/labeller/last_checkpoint'
    assert label[3:5] == [checkpoint, f'{work_dir}/round1.json']
    assert again[-1] == f'load_from={checkpoint}'
    assert relabel[4] == report[2] == f'{work_dir}/label.json'
    assert report[4] == str(images)
    assert retrain[2] == test[2] == str(configs['detector'])


def test_second_round_without_large_boxes(write, data):
    content = json.loads(Path(data.boxes).read_text())
    for ann in content['annotations']:
        ann['bbox'][2:] = 31, 40
    Path(data.boxes).write_text(json.dumps(content))
    with pytest.raises(SystemExit, match='32 px or more; .* has none'):
        write('--size', 'small', '--second-round')


def test_one_round_unless_asked_for(write):
    written = write('--size', 'small')
    assert written.pipeline.student is None
    assert not written.pipeline.label_options
    assert not written.paths['labeller'].with_name('mine_student.py').exists()


def test_texts_are_short(write, data):
    for path in write('--val', data.val, '--gpus', 1).paths.values():
        lines = path.read_text().splitlines()
        assert len(lines) < 60
        # Paths of the user may be long.
        assert max(len(line) for line in lines if '/' not in line) <= 79


@pytest.mark.parametrize('gpus', [1, 2])
def test_learning_rates_follow_the_batch(write, data, tiny_salient, gpus):
    stems = [f's{i}' for i in range(7 * gpus)]
    tiny_salient(stems, stems)
    written = write('--gpus', gpus, '--size', 'w18')
    for cfg, lr, batch_size in ((written.labeller, 0.002, 16),
                                (written.detector, 0.0025, 2)):
        assert cfg.optim_wrapper.optimizer.lr == pytest.approx(lr * gpus)
        assert cfg.train_dataloader.batch_size == batch_size
        assert cfg.auto_scale_lr.base_batch_size == batch_size * gpus
    commands = re.findall(r'^    (.*)$', written.printed, re.MULTILINE)
    launched = [line for line in commands if '--launcher pytorch' in line]
    assert len(launched) == (3 if gpus > 1 else 0)


def test_next_commands(write, data):
    written = write('--size', 'tiny', '--val', data.val)
    lines = re.findall(r'^    (.*)$', written.printed, re.MULTILINE)
    check, train, label, report, retrain, test = map(shlex.split, lines)
    assert train[2] == label[2] == str(written.paths['labeller'])
    assert label[3:5] == ['$(cat', 'work_dirs/mine/labeller/last_checkpoint)']
    assert label[5] == report[2] == 'work_dirs/mine/label.json'
    assert report[4:7] == [data.images, '--threshold', '0.8']
    assert retrain[2] == test[2] == str(written.paths['detector'])
    for _, path, *_ in (check, train, label, report, retrain, test):
        assert Path(path).is_file()


def test_masks_of_another_source(run, data, tmp_path):
    """Without salient images only the detector's config is written."""
    out = tmp_path / 'mine'
    printed = run('--boxes', data.boxes, '--images', data.images, '--size',
                  'tiny', '--out', out)
    path, = out.iterdir()
    assert path.name == 'mine_detector.py'
    with pytest.raises(SystemExit):
        run('--boxes', data.boxes, '--images', data.images, '--second-round')
    dataset = Config.fromfile(path).train_dataloader.dataset
    merge, report, train = map(
        shlex.split, re.findall(r'^    (.*)$', printed, re.MULTILINE))
    assert merge[1].endswith('tools/merge_masks.py')
    assert merge[2] == data.boxes
    assert merge[4] == report[2] == dataset.ann_file
    assert train[2] == str(path)


def test_edited_configs_are_kept(write):
    written = write('--size', 'tiny')
    path = written.paths['detector']
    text = path.read_text()
    write('--size', 'tiny')  # the same content may be written again
    path.write_text(text + 'seed = 7\n')
    with pytest.raises(SystemExit, match='mine_detector.py: exists already'):
        write('--size', 'w18')
    assert path.read_text().endswith('seed = 7\n')
    assert '-tiny_' in written.paths['labeller'].read_text()
    write('--size', 'tiny', '--force')
    assert path.read_text() == text


def test_val_of_other_classes(write, data):
    content = json.loads(Path(data.val).read_text())
    content['categories'].reverse()
    Path(data.val).write_text(json.dumps(content))
    with pytest.raises(
            SystemExit, match=r"Config: \['cat', 'dog'\]; file: \['dog', "):
        write('--val', data.val)


def test_val_without_masks(write, data, tmp_path):
    with pytest.raises(SystemExit, match='5 of 5 annotations have no `segm'):
        write('--val', data.boxes)
    assert not (tmp_path / 'mine').exists()


def test_bad_input(write, data):
    with pytest.raises(SystemExit, match='COCO file for evaluation not found'):
        write('--val', 'no.json')
    with pytest.raises(SystemExit, match=r'needs 14: add more, or use fewer'):
        write('--gpus', 2)
    with pytest.raises(SystemExit, match='3 of 3 images of .* do not exist'):
        write('--images', 'nowhere')
    with pytest.raises(SystemExit, match='nowhere/images does not exist'):
        write('--salient', 'nowhere')
    with pytest.raises(SystemExit, match='COCO file of the boxes not found'):
        write('--boxes', 'no.json')


@pytest.mark.parametrize('options, message', [
    (['--gpus', 0], '--gpus must be 1 or more'),
    (['--val-images', 'val'], '--val-images needs --val'),
    (['--salient', 'a', 'b', 'c'], 'one folder or two'),
])
def test_bad_command_line(write, capsys, options, message):
    with pytest.raises(SystemExit):
        write(*options)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('side, max_crop, expected', [
    (20, 288, (96, 96)),
    (90, 128, (96, 96)),
    (97, 128, (128, 128)),
    (400, 128, (128, 128)),
    (200, 288, (224, 256)),
    (400, 288, (288, 320)),
])
def test_crop_sizes(rules, side, max_crop, expected):
    sides = np.full(10, side)
    assert rules.choose_crop_sizes(sides, max_crop) == expected


@pytest.mark.parametrize('width, height, largest, expected', [
    (640, 480, (1333, 800), (1333, 800)),
    (480, 640, (1333, 800), (1333, 800)),
    (4000, 3000, (1333, 800), (1333, 800)),
    (320, 240, (1333, 800), (800, 480)),
    (160, 160, (320, 320), (320, 320)),
    (100, 80, (320, 320), (200, 200)),
])
def test_scale(rules, width, height, largest, expected):
    image = dict(width=width, height=height)
    box = dict(bbox=[0, 0, 30, 20])
    coco = SimpleNamespace(images={1: image}, annotations={1: [box, box]})
    sizes = rules.BoxSizes(coco)
    assert rules.choose_scale(sizes, largest) == expected
    factor = min(
        max(expected) / max(width, height),
        min(expected) / min(width, height))
    assert factor <= 2.001
    np.testing.assert_allclose(sizes.resized(expected), [20 * factor] * 2)


def test_schedules_of_the_paper(rules):
    """The rules give the paper's schedules for COCO."""
    schedule = rules.labeller_schedule(849_949, [7_991], 2, rules.SIZES['w48'])
    assert (schedule['num_iters'], schedule['max_epochs']) == (570, 50)
    schedule = rules.detector_schedule(117_266, 120_000, 16)
    assert schedule['max_epochs'] == 12


def test_schedules_of_small_sets(rules):
    one, two = (
        rules.labeller_schedule(100, [70], gpus, rules.SIZES['tiny'])
        for gpus in (1, 2))
    assert (one['num_iters'], two['num_iters']) == (10, 5)
    # The number of GPUs does not change the number of crops.
    assert one['max_epochs'] == two['max_epochs'] == 563
    assert one['interval'] == 57
    schedule = rules.detector_schedule(1_000, 24_000, 8)
    assert (schedule['max_epochs'], schedule['num_iters']) == (24, 125)


def test_path_of_the_base(new_dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    base = 'toy/boxcaseg_hrnetv2-tiny_toy.py'
    # Inside the checkout the path is relative: all can be moved together.
    for out in (Path('configs/mine'), ROOT / 'configs/mine'):
        assert new_dataset.base_path(out, base) == f'../{base}'
    assert new_dataset.base_path(tmp_path,
                                 base) == str(ROOT / 'configs' / base)


@needs_real_images
def test_real_images(run, tmp_path):
    annotations = DATA / 'coco_mini/annotations'
    printed = run('--boxes', annotations / 'boxes_train.json', '--images',
                  DATA / 'coco_mini/images', '--salient', DATA / 'ecssd',
                  '--val', annotations / 'instances_val.json', '--out',
                  tmp_path, '--size', 'tiny')
    assert ('3117 boxes of 80 classes in 370 images\nsalient: 1000 masks'
            in printed)
    cfg = Config.fromfile(tmp_path / f'{tmp_path.name}_detector.py')
    names = [
        cat['name']
        for cat in json.loads((annotations /
                               'boxes_train.json').read_text())['categories']
    ]
    assert list(cfg.val_dataloader.dataset.metainfo.classes) == names
    assert cfg.model.roi_head.bbox_head.num_classes == 80
    cfg = Config.fromfile(tmp_path / f'{tmp_path.name}_labeller.py')
    # The crop size of the measurements in docs/labeller.md.
    assert cfg.train_dataloader.dataset.crop_size == 128
    assert DATASETS.build(cfg.train_dataloader.dataset)[3200]['inputs'].shape \
        == (1, 3, 128, 128)
