"""Figures of validation images that show no object, or only dropped masks."""
import json
from pathlib import Path

import numpy as np
import pytest
from proxy_files import write_proxy_files
from small_data import load_tool

from mmboxcaseg.visualization.drawing import Instance


@pytest.fixture
def draw_results(monkeypatch, tiny_coco, rng, tmp_path):
    """Draws a small proxy file with a detector that finds nothing."""
    tool = load_tool('analysis_tools/draw_results')
    files = write_proxy_files(tiny_coco(), rng)
    monkeypatch.setattr('mmdet.apis.init_detector', lambda *args, **kw: None)
    monkeypatch.setattr(tool, 'detect', lambda model, img: [])
    out = tmp_path / 'figures'

    def run(*options) -> set:
        """Returns the names of the figures."""
        monkeypatch.setattr('sys.argv', [
            'draw_results', files.truth, files.img_prefix, '--unmerged',
            files.unmerged, '--merged', files.proxy, '--detector', 'x',
            '--checkpoint', 'x', '--out',
            str(out), *options
        ])
        tool.main()
        return {path.name for path in out.iterdir()}

    run.files = files
    return run


FIGURES = {'masks.png', 'detections.png', 'pipeline.png'}


def test_every_mask_is_dropped(draw_results):
    assert draw_results('--keep-share', '0') == FIGURES


def test_an_image_without_objects(draw_results):
    for path in (draw_results.files.truth, draw_results.files.proxy):
        data = json.loads(Path(path).read_text())
        data['annotations'] = [
            ann for ann in data['annotations'] if ann['image_id'] != 7
        ]
        Path(path).write_text(json.dumps(data))
    assert draw_results('--threshold', '0') == FIGURES


def test_images_with_dropped_masks_come_last():
    choose = load_tool('analysis_tools/draw_results').choose

    def image(*dropped) -> list:
        return [
            Instance((0, 0, 1, 1), np.ones((1, 1)), '', d) for d in dropped
        ]

    merged = {1: image(True), 2: image(False), 3: image(True, False)}
    assert choose(merged) == [3, 2, 1]
    assert choose(merged, 2) == [3, 2]
