import importlib.util
from pathlib import Path

import pytest
from mmengine.config import Config

TOOL = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/ablate.py'


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
    monkeypatch.setattr(tool, 'TRAIN', str(train))
    return tool


def make_config(seed: int, epochs: int = 3) -> Config:
    return Config(
        dict(
            train_cfg=dict(max_epochs=3),
            randomness=dict(seed=seed),
            epochs=epochs))


def test_a_run_that_is_done_is_not_run_again(tool, tmp_path):
    folder = str(tmp_path / 'run')
    assert tool.train(make_config(4), folder)['mIoU_star'] == 0.4
    logs = list(tmp_path.rglob('scalars.json'))
    size = logs[0].stat().st_size
    assert tool.train(make_config(4), folder)['mIoU_star'] == 0.4
    assert logs[0].stat().st_size == size
    # Another config has a folder of its own.
    assert tool.train(make_config(5), folder)['mIoU_star'] == 0.5


def test_a_run_without_its_last_validation(tool, tmp_path):
    with pytest.raises(SystemExit, match='no validation after its last epoch'):
        tool.train(make_config(4, epochs=2), str(tmp_path / 'run'))


def test_a_run_that_fails(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, 'TRAIN', str(tmp_path / 'lost.py'))
    with pytest.raises(SystemExit, match='training failed, see .*train.log'):
        tool.train(make_config(4), str(tmp_path / 'run'))


def test_table(tool):
    runs = [
        dict(mIoU_star=value, IoU_50=0.5, IoU_75=0.25)
        for value in (0.7, 0.72, 0.74)
    ]
    lines = tool.to_markdown({'all': runs, 'weak': runs[:1]}).splitlines()
    assert lines[2] == '| all | 72.0 ± 2.0 | 50.0 ± 0.0 | 25.0 ± 0.0 | 3 |'
    assert lines[3] == '| weak | 70.0 ± 0.0 | 50.0 ± 0.0 | 25.0 ± 0.0 | 1 |'


def test_rows_are_those_of_table_4(tool):
    assert list(tool.ROWS) == [
        'weak', 'salient', 'weak + transferred', 'weak + salient', 'all'
    ]
