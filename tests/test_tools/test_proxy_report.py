"""The report as users see it: written by the tool, in a browser."""
import re
from pathlib import Path

import numpy as np
import pytest
from browser import browse, needs_chromium
from PIL import Image
from proxy_files import edit_annotations, rename_class, write_proxy_files
from small_data import run_tool


@pytest.fixture
def files(tiny_coco, rng):
    return write_proxy_files(tiny_coco(rename_class), rng)


@pytest.fixture
def call(monkeypatch, files, tmp_path):
    """Runs the tool; returns the path of the page."""

    def run(*options: str) -> Path:
        out = tmp_path / 'report.html'
        run_tool(monkeypatch, 'analysis_tools/proxy_report', files.proxy,
                 '--images', files.img_prefix, '--out', out, *options)
        return out

    return run


@needs_chromium
def test_in_a_browser(files, call, tmp_path, capsys):
    out = call('--truth', files.truth, '--unmerged', files.unmerged,
               '--threshold', '0.5')
    assert '4 masks, 4 score 0.5 or more' in capsys.readouterr().out

    dom = browse(out, '--dump-dom')
    for section in ('summary', 'scores', 'thresholds', 'truth', 'classes',
                    'gallery-worst', 'gallery-best', 'gallery-random',
                    'gallery-changed', 'gallery-misjudged', 'gallery-classes'):
        assert f'<section id="{section}">' in dom
    assert len(re.findall('<figure', dom)) == 17

    screenshot = tmp_path / 'page.png'
    browse(out, f'--screenshot={screenshot}')
    pixels = np.asarray(Image.open(screenshot).convert('RGB'), dtype=int)
    assert pixels.shape == (3000, 1000, 3)
    # Text above, plots in the middle, masks below: no part is blank.
    for part in np.split(pixels, 3):
        assert part.std() > 10
    # The red line of the threshold is in an SVG.
    assert (np.abs(pixels - (0xc8, 0x40, 0x2f)).sum(axis=-1) < 30).any()


def test_missing_file(call, tmp_path):
    with pytest.raises(SystemExit, match='--truth not found: no/such.json'):
        call('--truth', 'no/such.json')
    assert not (tmp_path / 'report.html').exists()


@pytest.mark.parametrize('options, words', [
    (('--threshold', '0.5'), '4 masks, 4 score 0.5 or more'),
    (('--keep-share', '0.3'), '4 masks, 2 kept: the best 30 % of each class'),
])
def test_what_is_printed(files, call, capsys, options, words):
    call('--truth', files.truth, *options)
    lines = capsys.readouterr().out.splitlines()
    assert words in lines[-2]
    assert lines[-1].startswith('score: mean ')
    assert 'rank correlation' in lines[-1] and 'worst' in lines[-1]


def test_scores_that_cannot_be_compared(files, call, capsys):
    """One true mask is left, and the expected IoU is of another mask."""

    def one_expected_iou(anns):
        anns[-1]['expected_iou'] = 0.5

    def one_mask(anns):
        anns[:] = anns[:1]

    edit_annotations(files.proxy, one_expected_iou)
    edit_annotations(files.truth, one_mask)
    call('--truth', files.truth)
    *_, score, expected_iou = capsys.readouterr().out.splitlines()
    assert 'no rank correlation (equal scores' in score
    assert expected_iou.startswith('expected IoU: not compared, no mask')
    assert 'nan' not in score + expected_iou
