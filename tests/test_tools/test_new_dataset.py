"""new_dataset.py checks the data, and what it writes works."""
import json
from pathlib import Path

import pytest
import torch
from mmcv.transforms import Compose
from mmdet.apis import inference_detector, init_detector
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from real_images import DATA, needs_real_images

from mmboxcaseg.registry import DATASETS, METRICS, MODELS


@pytest.fixture(autouse=True)
def in_scope():
    init_default_scope('mmdet')


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
def test_configs_are_built(new_configs, own_data, size, val):
    written = new_configs('--size', size,
                          *(['--val', own_data.val] if val else []))
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
    dataset.ann_file = own_data.proxy
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


@pytest.mark.parametrize('size', ['tiny', 'small', 'w18', 'w48'])
def test_images_of_the_detector(new_configs, own_data, size):
    """The length of the training counts the images with boxes."""
    for path in (own_data.boxes, own_data.proxy):
        content = json.loads(Path(path).read_text())
        content['annotations'] = [
            ann for ann in content['annotations'] if ann['image_id'] != 2
        ]
        Path(path).write_text(json.dumps(content))
    cfg = new_configs('--size', size).detector
    cfg.train_dataloader.dataset.update(
        ann_file=own_data.proxy, pipeline=[lambda item: item])
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    # Image 2 has no boxes; image 4 has 30 x 30 px.
    assert {item['img_id'] for item in dataset} == {4, 7}


def test_training_starts(new_configs, own_data):
    written = new_configs('--size', 'tiny')
    assert {'loss_mil'} < set(train_one_iteration(written.labeller))
    written.detector.train_dataloader.dataset.update(
        ann_file=own_data.proxy, mask_score_thr=0)
    assert train_one_iteration(written.detector)['loss_mask'] > 0


def test_detector_is_used_without_val(new_configs, own_data):
    """As in docs/custom_dataset.md."""
    model = init_detector(
        new_configs('--size', 'tiny').detector, palette='random', device='cpu')
    pipeline = Compose(model.cfg.test_pipeline)
    path = f'{own_data.images}/a.png'
    found = inference_detector(model, path, pipeline).pred_instances
    assert found.masks.shape[1:] == (40, 50)


def test_second_round(new_configs, own_data):
    written = new_configs('--size', 'small', '--second-round')
    path = written.paths['labeller'].with_name(written.pipeline.student)
    student = Config.fromfile(path)
    sources = student.train_dataloader.dataset.datasets
    sources[1].update(ann_file=own_data.proxy, min_size=0)
    batch = first_batch(student)
    masks = ['masks' in s.gt_instances for s in batch['data_samples']]
    assert masks == [False] * 9 + [True] * 7
    train_one_iteration(student)


@pytest.mark.parametrize('size', ['small', 'w18'])
def test_teachers(run_new_dataset, own_data, tmp_path, tiny_salient, size):
    """Beside the salient images and in their place."""
    out, few, many = tmp_path / 'mine', tmp_path / 'few.json', own_data.val
    truth = json.loads(Path(many).read_text())
    anns = [ann for ann in truth['annotations'] if not ann['iscrowd']]
    square = [[0, 0, 40, 0, 40, 40, 0, 40]]
    for ann in anns:
        ann.update(image_id=7, bbox=[0, 0, 40, 40], segmentation=square)
    truth['annotations'] = anns
    Path(many).write_text(json.dumps(truth))
    few.write_text(json.dumps(dict(truth, annotations=anns[:1])))
    args = [
        '--boxes', own_data.boxes, '--images', own_data.images, '--out', out
    ]
    args += ['--size', size, '--force', '--teacher', many, own_data.images]
    args += ['--second-round']
    two = [*args, '--teacher', few, own_data.images]

    run_new_dataset(*two, '--salient', *own_data.salient)
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
    train_one_iteration(cfg)

    for ann in anns:
        ann['id'] += 1000
    Path(many).write_text(json.dumps(dict(truth, annotations=anns)))
    with pytest.raises(SystemExit, match='teacher1: 4 .* needs 5: add more.$'):
        run_new_dataset(*two)


def test_second_round_without_large_boxes(new_configs, own_data):
    content = json.loads(Path(own_data.boxes).read_text())
    for ann in content['annotations']:
        ann['bbox'][2:] = 31, 40
    Path(own_data.boxes).write_text(json.dumps(content))
    with pytest.raises(SystemExit, match='32 px or more; .* has none'):
        new_configs('--size', 'small', '--second-round')


def test_edited_configs_are_kept(new_configs):
    written = new_configs('--size', 'tiny')
    path = written.paths['detector']
    text = path.read_text()
    new_configs('--size', 'tiny')  # the same content may be written again
    path.write_text(text + 'seed = 7\n')
    with pytest.raises(SystemExit, match='mine_detector.py: exists already'):
        new_configs('--size', 'w18')
    assert path.read_text().endswith('seed = 7\n')
    assert '-tiny_' in written.paths['labeller'].read_text()
    new_configs('--size', 'tiny', '--force')
    assert path.read_text() == text


def test_val_of_other_classes(new_configs, own_data):
    content = json.loads(Path(own_data.val).read_text())
    content['categories'].reverse()
    Path(own_data.val).write_text(json.dumps(content))
    with pytest.raises(
            SystemExit, match=r"Config: \['cat', 'dog'\]; file: \['dog', "):
        new_configs('--val', own_data.val)


def test_val_that_mmdet_cannot_read(new_configs, own_data):
    """Otherwise stage 3 would fail, after hours."""
    content = json.loads(Path(own_data.val).read_text())
    del content['annotations'][0]['area']
    Path(own_data.val).write_text(json.dumps(content))
    with pytest.raises(SystemExit, match='1 of 4 annotations have no `area`'):
        new_configs('--val', own_data.val)


def test_val_without_masks(new_configs, own_data, tmp_path):
    with pytest.raises(SystemExit, match='5 of 5 annotations have no `segm'):
        new_configs('--val', own_data.boxes)
    assert not (tmp_path / 'mine').exists()


def test_bad_input(new_configs, own_data):
    with pytest.raises(SystemExit, match='COCO file for evaluation not found'):
        new_configs('--val', 'no.json')
    with pytest.raises(SystemExit, match=r'needs 14: add more, or use fewer'):
        new_configs('--gpus', 2)
    with pytest.raises(SystemExit, match='3 of 3 images of .* do not exist'):
        new_configs('--images', 'nowhere')
    with pytest.raises(SystemExit, match='nowhere/images does not exist'):
        new_configs('--salient', 'nowhere')
    with pytest.raises(SystemExit, match='COCO file of the boxes not found'):
        new_configs('--boxes', 'no.json')


@pytest.mark.parametrize('options, message', [
    (['--gpus', 0], '--gpus: 0 is not a whole number of at least 1'),
    (['--val-images', 'val'], '--val-images needs --val'),
    (['--salient', 'a', 'b', 'c'], 'one folder or two'),
])
def test_bad_command_line(new_configs, capsys, options, message):
    with pytest.raises(SystemExit):
        new_configs(*options)
    assert message in capsys.readouterr().err


def test_second_round_without_masks(run_new_dataset, own_data, capsys):
    with pytest.raises(SystemExit):
        run_new_dataset('--boxes', own_data.boxes, '--images', own_data.images,
                        '--second-round')
    assert 'needs --salient or --teacher' in capsys.readouterr().err


@needs_real_images
def test_real_images(run_new_dataset, tmp_path):
    annotations = DATA / 'coco_mini/annotations'
    printed = run_new_dataset('--boxes', annotations / 'boxes_train.json',
                              '--images', DATA / 'coco_mini/images',
                              '--salient', DATA / 'ecssd', '--val',
                              annotations / 'instances_val.json', '--out',
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
