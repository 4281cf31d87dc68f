import json

import cv2
import numpy as np
import pytest
from small_data import load_tool, run_tool

WINDOW = np.array([8, 12, 56, 44])
SHAPE = (32, 48)

METHODS = load_tool('analysis_tools/baseline_masks').METHODS


@pytest.fixture
def img() -> np.ndarray:
    """A red disc of radius 14 at (32, 28) on noisy green."""
    rng = np.random.default_rng(0)
    img = np.zeros((64, 64, 3), dtype=np.uint8)
    img[...] = (40, 160, 60)
    cv2.circle(img, (32, 28), 14, (30, 40, 200), -1)
    noise = rng.normal(0, 6, img.shape)
    return (img + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize('method', METHODS)
def test_shape_and_type(method, img):
    before = img.copy()
    mask = METHODS[method](img, WINDOW)
    assert mask.shape == SHAPE
    assert mask.dtype == bool
    assert (img == before).all()
    assert (METHODS[method](img, WINDOW) == mask).all()


def test_box_mask_is_full(img):
    assert METHODS['box'](img, WINDOW).all()


def test_ellipse(img):
    mask = METHODS['ellipse'](img, WINDOW)
    assert mask.mean() == pytest.approx(np.pi / 4, abs=0.01)
    # It is symmetric and touches all four sides.
    assert (mask == mask[::-1]).all() and (mask == mask[:, ::-1]).all()
    assert mask[0].any() and mask[:, 0].any()
    assert not mask[0, 0]


def test_grabcut_finds_the_disc(img):
    mask = METHODS['grabcut'](img, WINDOW)
    y, x = np.mgrid[12:44, 8:56]
    disc = (x - 32)**2 + (y - 28)**2 <= 14**2
    assert (mask & disc).sum() / (mask | disc).sum() > 0.9


def test_grabcut_at_the_border(img):
    # A box as large as the image has no background around it.
    mask = METHODS['grabcut'](img, np.array([0, 0, 64, 64]))
    assert mask.shape == (64, 64)


def test_options_are_those_of_label(tiny_coco, tmp_path, monkeypatch):
    data = tiny_coco()
    found = []
    for options in ((), ('--no-merge', ), ('--no-merge', '--off-by-one')):
        out = tmp_path / f'{len(found)}.json'
        run_tool(monkeypatch, 'analysis_tools/baseline_masks',
                 data['ann_file'], data['data_prefix']['img'], out, '--method',
                 'box', *options)
        anns = json.loads(out.read_text())['annotations']
        found.append({ann['id']: ann for ann in anns})
    merged, plain, off_by_one = found
    # Box 11 lies inside box 5.
    assert merged[11]['segmentation'] == plain[11]['segmentation']
    assert merged[5]['segmentation'] != plain[5]['segmentation']
    assert plain[3]['mask_score'] == 1
    assert off_by_one[3]['mask_score'] == pytest.approx(5 / 7, abs=1e-6)


@pytest.mark.parametrize('method', METHODS)
def test_truncation_keeps_boxes_at_the_border(tiny_coco, tmp_path, monkeypatch,
                                              method):
    # int(-2.9) + int(2.95) is column 0, so the box would lose its only pixel.
    data = tiny_coco(
        lambda coco: coco['annotations'][4].update(bbox=[-2.9, 10, 2.95, 6]))
    out = tmp_path / 'out.json'
    run_tool(monkeypatch, 'analysis_tools/baseline_masks', data['ann_file'],
             data['data_prefix']['img'], out, '--method', method, '--truncate')
    masks = {a['id']: a for a in json.loads(out.read_text())['annotations']}
    assert masks[3]['segmentation']['size'] == [30, 30]


def test_polygons(tiny_coco, tmp_path, monkeypatch, capsys):
    data, out = tiny_coco(), tmp_path / 'out.json'
    run_tool(monkeypatch, 'analysis_tools/baseline_masks', data['ann_file'],
             data['data_prefix']['img'], out, '--method', 'box', '--polygons')
    masks = {a['id']: a for a in json.loads(out.read_text())['annotations']}
    assert isinstance(masks[3]['segmentation'], list)
    assert 'polygons: 1 holes in 1 masks filled' in capsys.readouterr().out
