import json
from pathlib import Path

import pytest
from PIL import Image
from small_data import load_tool, run_tool

TOOL = 'analysis_tools/plot_validation'


@pytest.fixture
def call(monkeypatch, tmp_path):
    """Plots the logs in ``tmp_path``; returns the path of the figure."""

    def run(*options: str) -> Path:
        out = tmp_path / 'figure.png'
        run_tool(monkeypatch, TOOL, tmp_path, out, *options)
        return out

    return run


def write_log(folder: Path, *lines: dict) -> None:
    folder.mkdir(parents=True)
    text = '\n'.join(json.dumps(line) for line in lines)
    (folder / 'scalars.json').write_text(text)


def test_later_logs_override_earlier_ones(call, tmp_path):
    training = {'loss': 1.0, 'epoch': 1, 'step': 7}
    write_log(tmp_path / '2026_1/vis_data', training, {
        'mask/IoU_50': 0.4,
        'step': 1
    }, {
        'mask/IoU_50': 0.1,
        'step': 2
    })
    write_log(tmp_path / '2026_2/vis_data', {'mask/IoU_50': 0.6, 'step': 2})
    epochs = load_tool(TOOL).read_validations(str(tmp_path))
    assert {k: v['mask/IoU_50'] for k, v in epochs.items()} == {1: 0.4, 2: 0.6}
    with Image.open(call('--metrics', 'mask/IoU_50')) as figure:
        assert figure.size == (900, 480)


def test_bad_input(call, tmp_path):
    with pytest.raises(SystemExit, match='has no validation log yet'):
        call()
    write_log(tmp_path / '2026_1/vis_data', {'mask/IoU_50': 0.4, 'step': 1})
    with pytest.raises(
            SystemExit, match=r"no \['mask/IoU_5'\], only .*IoU_50"):
        call('--metrics', 'mask/IoU_5')


def test_cut_lines(call, tmp_path):
    write_log(tmp_path / '2026_1/vis_data', {'mask/IoU_50': 0.4, 'step': 1})
    log = tmp_path / '2026_1/vis_data/scalars.json'
    log.write_text(log.read_text() + '\n{"mask/IoU_')  # the last one
    call('--metrics', 'mask/IoU_50')
    log.write_text(log.read_text() + '\n{}')
    with pytest.raises(SystemExit, match='scalars.json, line 2, is not JSON'):
        call('--metrics', 'mask/IoU_50')
