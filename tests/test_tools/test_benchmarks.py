"""Every benchmark runs at its smallest sizes; the numbers mean nothing."""
import importlib
import json
import os
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / 'tools/analysis_tools/benchmarks'
# The ratios of each, which docs and decisions rest on.
RATIOS = dict(
    labeller={'loss_speedup', 'loader_over_step'},
    proxy={'merge_speedup', 'wall_over_bound', 'rss_ratio'},
    detector={
        'head_overhead', 'rle_over_polygon', 'pipeline_rle_over_polygon',
        'large_image_ratio'
    },
    other_labellers={'onnx_wall_over_bound', 'sam_wall_over_bound'},
    evaluation={'voc_speedup', 'coco_speedup'},
    startup={'slowest_over_torch'},
    review={'kB_per_mask'})


@pytest.fixture
def common(monkeypatch):
    """The module that the benchmarks share."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield importlib.import_module('common')
    del sys.modules['common']


@pytest.mark.parametrize('name', RATIOS)
def test_smallest_sizes(name, common, monkeypatch, tmp_path, capfd):
    # Starting processes takes most of the time; the next test does it.
    monkeypatch.setattr(common, 'in_own_process', lambda func, *a: func(*a))
    out = tmp_path / 'out.json'
    argv = [name, '--small', '--out', str(out)]
    if name == 'labeller':
        argv += ['--workers', '0']
    monkeypatch.setattr(sys, 'argv', argv)
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    runpy.run_path(str(BENCHMARKS / f'{name}.py'), run_name='__main__')
    result, printed = json.loads(out.read_text()), capfd.readouterr().out
    assert RATIOS[name] <= set(result)
    for key, value in result.items():
        assert f'{key} ' in printed
        if key.endswith(('_ms', '_s', '_speedup', '_ratio')):
            assert value > 0, key
    if name == 'labeller':
        step, = result['step']
        assert step['ms'] > 0 and step['peak_MB'] > 100


def test_own_process(common):
    assert common.in_own_process(common.peak_memory) > 10
    assert common.in_own_process(os.getpid) != os.getpid()


def test_every_benchmark_is_tested():
    names = {path.stem for path in BENCHMARKS.glob('*.py')}
    assert names - {'common'} == set(RATIOS)
    makefile = (ROOT / 'Makefile').read_text()
    assert f'BENCHES := {" ".join(RATIOS)}\n' in makefile
