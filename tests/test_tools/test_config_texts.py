"""What the configs of new_dataset.py set, before anything is built."""
from pathlib import Path

import pytest
from mmengine.config import Config
from small_data import ROOT, load_tool


def test_texts_are_short(new_configs, own_data):
    for path in new_configs('--val', own_data.val).paths.values():
        lines = path.read_text().splitlines()
        assert len(lines) < 60
        # Paths of the user may be long.
        assert max(len(line) for line in lines if '/' not in line) <= 79


@pytest.mark.parametrize('gpus', [1, 2])
def test_learning_rates_follow_the_batch(new_configs, tiny_salient, gpus):
    stems = [f's{i}' for i in range(7 * gpus)]
    tiny_salient(stems, stems)
    written = new_configs('--gpus', gpus, '--size', 'w18')
    for cfg, lr, batch_size in ((written.labeller, 0.002, 16),
                                (written.detector, 0.0025, 2)):
        assert cfg.optim_wrapper.optimizer.lr == pytest.approx(lr * gpus)
        assert cfg.train_dataloader.batch_size == batch_size
        assert cfg.auto_scale_lr.base_batch_size == batch_size * gpus


def test_length_of_an_epoch(new_configs, tiny_salient, monkeypatch):
    stems = [f's{i}' for i in range(14)]
    tiny_salient(stems, stems)
    cfg = new_configs('--size', 'tiny').labeller
    assert 'num_batches' not in cfg.train_dataloader.batch_sampler
    rules = load_tool('config_texts').rules
    monkeypatch.setattr(rules, 'MIN_LABELLER_EPOCHS', 90_000)
    written = new_configs('--size', 'tiny', '--second-round', '--force')
    folder = Path(written.pipeline.filename).parent
    student = Config.fromfile(folder / written.pipeline.student)
    for cfg in (written.labeller, student):
        assert cfg.train_dataloader.batch_sampler.num_batches == 1


@pytest.mark.parametrize('size', ['w18', 'w48'])
def test_recipe_for_small_sets(new_configs, size):
    """It differs from the configs for COCO, whose data are not named."""
    cfg = new_configs('--size', size).labeller
    assert cfg.model.pixel_heads_on == 'all'
    assert cfg.model.box_prompt and cfg.model.test_cfg.flip
    assert cfg.label_dataloader.dataset.pipeline[-1].box_map
    assert [rate.type
            for rate in cfg.param_scheduler] == ['LinearLR', 'PolyLR']
    assert cfg.train_dataloader.batch_sampler.get('sit_out_prob', 0) == 0
    assert 'coco' not in str(cfg.train_dataloader).lower()


def test_pipeline(new_configs, own_data):
    pipeline = new_configs('--size', 'tiny').pipeline
    assert pipeline.train == dict(boxes=own_data.boxes, images=own_data.images)
    assert pipeline.val is pipeline.twin is pipeline.student is None
    assert pipeline.label_options == ('--merge-by', 'probability')
    folder = Path(pipeline.filename).parent
    assert {path.name
            for path in folder.iterdir()} == {
                pipeline.labeller, pipeline.detector,
                Path(pipeline.filename).name
            }
    pipeline = new_configs('--size', 'small', '--second-round', '--val',
                           own_data.val, '--force').pipeline
    assert pipeline.val == dict(instances=own_data.val, images=own_data.images)


def test_student_starts_from_the_last_checkpoint(new_configs, monkeypatch,
                                                 refused, tmp_path):
    """Not from ImageNet, if it is trained by train.py alone."""
    monkeypatch.chdir(tmp_path)
    written = new_configs('--size', 'small', '--second-round')
    path = written.paths['labeller'].with_name(written.pipeline.student)
    cfg, epochs = written.labeller, written.labeller.train_cfg.max_epochs
    lost = f'{cfg.work_dir}/epoch_{epochs}.pth'
    assert Config.fromfile(path).load_from == lost
    assert f'load_from not found: {lost}' in refused('train', path)


def test_path_of_the_base(tmp_path, monkeypatch):
    base_path = load_tool('config_texts').base_path
    monkeypatch.chdir(ROOT)
    base = 'toy/boxcaseg_hrnetv2-tiny_toy.py'
    # Inside the checkout the path is relative: all can be moved together.
    for out in (Path('configs/mine'), ROOT / 'configs/mine'):
        assert base_path(out, base) == f'../{base}'
    assert base_path(tmp_path, base) == str(ROOT / 'configs' / base)
