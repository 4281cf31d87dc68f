"""Figures of validation images that show no object, or only dropped masks."""
import json
from pathlib import Path

import numpy as np
import pytest
from proxy_files import write_proxy_files
from small_data import load_tool

from mmboxcaseg.datasets.coco import MaskFilter
from mmboxcaseg.visualization.drawing import Instance


@pytest.fixture
def draw_results(monkeypatch, tiny_coco, rng, tmp_path):
    """Draws a small proxy file with a detector that finds nothing."""
    tool = load_tool('analysis_tools/draw_results')
    files = write_proxy_files(tiny_coco(), rng)
    built = []

    def init_detector(cfg, checkpoint, device):
        built.append((cfg.model.backbone.pretrained, checkpoint))

    monkeypatch.setattr('mmdet.apis.init_detector', init_detector)
    monkeypatch.setattr(tool, 'detect', lambda model, img: [])
    config, weights = tmp_path / 'detector.py', tmp_path / 'weights.pth'
    config.write_text('model = dict(backbone=dict(pretrained=True))')
    weights.touch()
    out = tmp_path / 'figures'

    def run(*options) -> set:
        """Returns the names of the figures."""
        monkeypatch.setattr('sys.argv', [
            'draw_results', files.truth, files.img_prefix, '--unmerged',
            files.unmerged, '--merged', files.proxy, '--detector',
            str(config), '--checkpoint',
            str(weights), '--out',
            str(out), *options
        ])
        tool.main()
        # The checkpoint replaces weights that would be downloaded.
        assert built == [(False, str(weights))]
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


def test_crowds_are_not_weighed(draw_results):
    tool = load_tool('analysis_tools/draw_results')
    proxy = Path(draw_results.files.proxy)
    data = json.loads(proxy.read_text())
    first = next(a for a in data['annotations'] if 'mask_score' in a)
    first.update(iscrowd=1)
    for ann in data['annotations']:
        if 'mask_score' in ann and ann is not first:
            ann['expected_iou'] = 0.5
    first.pop('expected_iou', None)
    proxy.write_text(json.dumps(data))
    instances = tool.read_instances(str(proxy), MaskFilter('expected_iou'))
    assert sum(map(len,
                   instances.values())) == sum('expected_iou' in ann
                                               for ann in data['annotations'])


def test_images_with_dropped_masks_come_last():
    choose = load_tool('analysis_tools/draw_results').choose

    def image(*dropped) -> list:
        return [
            Instance((0, 0, 1, 1), np.ones((1, 1)), '', d) for d in dropped
        ]

    merged = {1: image(True), 2: image(False), 3: image(True, False)}
    assert choose(merged) == [3, 2, 1]
    assert choose(merged, 2) == [3, 2]
