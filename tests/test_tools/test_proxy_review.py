"""The review page as users see it: written by the tool, in a browser."""
import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMIUM, NO_CHROMIUM, OPTIONS, browse, needs_chromium
from PIL import Image
from proxy_files import edit_annotations, rename_class, write_proxy_files
from small_data import run_tool

from mmboxcaseg.proxy import load_proxy
from mmboxcaseg.structures import encode_window

# On the page in this order.
EXPECTED_IOUS = {5: 0.2, 11: 0.3, 3: 0.4}


@pytest.fixture
def files(tiny_coco, rng):
    files = write_proxy_files(tiny_coco(rename_class), rng)

    def change(anns):
        for ann in anns:
            if ann['id'] in EXPECTED_IOUS:
                ann['expected_iou'] = EXPECTED_IOUS[ann['id']]

    edit_annotations(files.proxy, change)
    return files


@pytest.fixture
def call(monkeypatch, files, tmp_path):
    """Runs the tool; returns the path of the page."""

    def run(*options: str) -> Path:
        out = tmp_path / 'review.html'
        run_tool(monkeypatch, 'analysis_tools/proxy_review', files.proxy,
                 '--images', files.img_prefix, '--out', out, *options)
        return out

    return run


@pytest.fixture(scope='module')
def browser():
    """Chromium, driven by Playwright."""
    playwright = pytest.importorskip(
        'playwright.sync_api',
        reason='no playwright found (pip install playwright)')
    if not CHROMIUM:
        pytest.skip(NO_CHROMIUM)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser, call):
    """The opened page; its errors and its requests fail the test."""
    context = browser.new_context(viewport=dict(width=1366, height=768))
    page = context.new_page()
    errors, requests = [], []
    page.on('pageerror', lambda error: errors.append(error))
    page.on('request', lambda request: requests.append(request.url))
    page.goto(call().as_uri())
    yield page
    assert not errors
    assert {url.split(':')[0] for url in requests} <= {'file', 'data', 'blob'}
    context.close()


def press(page, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)


def name(page) -> str:
    """Class and id of the mask that is shown."""
    return page.text_content('#name').split('#')[1]


def download(page) -> dict:
    with page.expect_download() as found:
        page.click('#download')
    assert found.value.suggested_filename == 'proxy_review.json'
    return json.loads(Path(found.value.path()).read_text())


@needs_chromium
def test_without_playwright(call, capsys, tmp_path):
    out = call('--num', '3')
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f'{out}: 3 of 4 masks to review'
    dom = browse(out, '--dump-dom')
    assert re.search(r'<html[^>]* data-open-ms="\d+"', dom)
    assert '<h2 id="name">dog #5</h2>' in dom
    assert '3 of 3 open' in dom

    screenshot = tmp_path / 'page.png'
    browse(out, f'--screenshot={screenshot}')
    pixels = np.asarray(Image.open(screenshot).convert('RGB'), dtype=int)
    # The outline of the mask, and the dashes of the box.
    for colour in ((0xff, 0xf0, 0x4d), (0x8f, 0xdc, 0xff)):
        assert (np.abs(pixels - colour).sum(axis=-1) < 30).sum() > 50


def test_what_is_printed(files, call, capsys):
    edit_annotations(files.proxy, lambda anns: anns[0].update(mask_weight=0))
    out = call('--random', '1', '--classes', 'dog')
    assert f'{out}: 2 of 4 masks to review' in capsys.readouterr().out
    call()
    assert '1 masks left out, with a `mask_weight`' in capsys.readouterr().out


@pytest.mark.parametrize('options', [('--num', '0'), ('--side', '0')])
def test_numbers_are_positive(call, options):
    with pytest.raises(SystemExit):
        call(*options)


def test_keys(page):
    assert name(page) == '5'
    press(page, 'k')
    assert name(page) == '11'
    assert 'kept: dog #5' in page.text_content('#message')
    press(page, 'd')
    press(page, 'S')  # with Shift or Caps Lock
    assert name(page) == '8'
    counts = '1 kept · 1 dropped · 1 skipped · 1 of 4 open'
    assert page.text_content('#counts') == counts
    assert page.text_content('#state') == 'no decision yet'
    assert page.text_content('#download') == 'Download 2 decisions'

    press(page, 'u u')
    assert name(page) == '11'
    assert page.text_content('#counts').startswith('1 kept · 0 dropped · 0')
    press(page, 'ArrowLeft ArrowLeft')
    assert (name(page), page.text_content('#state')) == ('5', '✓ kept')
    # Another decision replaces the first one; the next open mask follows.
    press(page, 'd')
    assert name(page) == '11'
    assert page.text_content('#counts').startswith('0 kept · 1 dropped')
    press(page, 'u')
    assert page.text_content('#state') == '✓ kept'
    press(page, 'u u')
    assert page.text_content('#message') == 'Nothing to undo.'
    assert page.is_disabled('#download')
    press(page, 'Control+k k k k k')
    assert page.text_content('#message').startswith('Every mask in this list')


def test_held_key_decides_once(page):
    page.keyboard.down('k')
    page.keyboard.down('k')
    page.keyboard.up('k')
    assert page.text_content('#counts').startswith('1 kept')


def test_buttons_and_strip(page):
    page.click('#keys .drop')
    assert name(page) == '11'
    page.click('#strip button:nth-child(4)')
    assert name(page) == '8'
    states = page.eval_on_selector_all('#strip button',
                                       'all => all.map(b => b.className)')
    assert states == ['drop', '', '', '']


def outline(page) -> np.ndarray:
    """Yellow pixels of the stage, (n, 2), x and y."""
    page.wait_for_function('document.documentElement.dataset.openMs')
    width, height, pixels = page.evaluate('''() => {
      const {width, height} = document.querySelector('canvas');
      const {data} = document.querySelector('canvas').getContext('2d')
        .getImageData(0, 0, width, height);
      return [width, height, btoa(Array.from(
        data, value => String.fromCharCode(value)).join(''))];
    }''')
    pixels = np.frombuffer(base64.b64decode(pixels), np.uint8)
    pixels = pixels.reshape(height, width, 4)[..., :3]
    return np.argwhere((pixels == (0xff, 0xf0, 0x4d)).all(axis=-1))[:, ::-1]


def test_mask_is_toggled(page):
    assert len(outline(page)) > 1000
    press(page, 'm')
    assert not len(outline(page))
    assert page.get_attribute('[data-key=m]', 'aria-pressed') == 'false'
    press(page, 'm')
    assert len(outline(page)) > 1000


def test_mask_is_where_it_belongs(page, files, call):
    """Lower left part of the 30 x 30 image, with a hole."""
    mask = np.zeros((30, 30), dtype=bool)
    mask[13:16, 10:12] = True
    mask[14, 11] = False
    rle = encode_window(mask, (0, 0, 30, 30), 30, 30)

    def change(anns):
        anns[4].update(segmentation=rle, expected_iou=0.1)

    edit_annotations(files.proxy, change)
    call()
    page.reload()
    found = outline(page)
    assert name(page) == '3'
    # The image is square and as high as the stage.
    width, height = page.evaluate('[document.querySelector("canvas").width, '
                                  'document.querySelector("canvas").height]')
    found = 30 * (found - ((width - height) / 2, 0)) / height
    np.testing.assert_allclose(found.min(0), (10, 13), atol=0.1)
    np.testing.assert_allclose(found.max(0), (12, 16), atol=0.1)
    # The hole is outlined, too.
    inside = np.abs(found - (11, 14)).max(axis=1) < 0.1
    assert inside.any()


def test_filters(page):
    page.select_option('#by-name', 'dog')
    assert page.text_content('#matches') == '1 of 2 (of 4)'
    press(page, 'k k')
    assert page.text_content('#message').startswith('Every mask in this list')
    page.select_option('#by-name', '')
    page.select_option('#by-state', 'keep')
    assert page.text_content('#matches').endswith('of 2 (of 4)')
    page.select_option('#by-state', 'open')
    assert name(page) == '11'
    page.select_option('#by-size', 'medium')
    assert (name(page), page.text_content('#matches')) == ('8',
                                                           '1 of 1 (of 4)')
    page.click('#reset')
    assert page.text_content('#matches').endswith('of 4')

    page.fill('#iou-min', '0.25')
    assert (name(page), page.text_content('#matches')) == ('11',
                                                           '1 of 2 (of 4)')
    # Keys in a field do not decide.
    press(page, 'k')
    assert page.text_content('#counts').startswith('2 kept')
    page.fill('#iou-max', '0.35')
    assert page.text_content('#matches') == '1 of 1 (of 4)'
    page.fill('#score-max', '0')
    assert page.text_content('#state') == 'no mask matches'
    page.keyboard.press('Escape')
    press(page, 'k ArrowRight ArrowLeft')
    # Undo shows its mask, also one that the filters hide.
    press(page, 'u')
    assert name(page) == '3'
    assert page.text_content('#matches') == '3 of 4'


def test_file_without_expected_iou(page, files, call):
    assert page.is_visible('#iou-min')

    def change(anns):
        for ann in anns:
            ann.pop('expected_iou', None)

    edit_annotations(files.proxy, change)
    call()
    page.reload()
    assert not page.is_visible('#iou-min')
    assert page.is_visible('#score-min')
    assert 'expected IoUunknown' in page.text_content('#facts')


def test_reload_keeps_decisions(page):
    press(page, 'k d s')
    page.reload()
    counts = '1 kept · 1 dropped · 1 skipped · 1 of 4 open'
    assert page.text_content('#counts') == counts
    assert name(page) == '8'
    press(page, 'u u')
    assert name(page) == '11'
    assert page.text_content('#counts').startswith('1 kept · 0 dropped')


def test_decisions_belong_to_the_masks(page, files, call):
    """Another part of the same file shows them, another file does not."""
    press(page, 'k d')
    call('--num', '1')
    page.reload()
    assert page.text_content('#counts').endswith('0 of 1 open')
    edit_annotations(files.proxy, lambda anns: anns[0].update(id=12))
    call()
    page.reload()
    assert page.text_content('#counts').endswith('4 of 4 open')


def test_two_tabs(page):
    other = page.context.new_page()
    other.goto(page.url)
    press(page, 'k')
    other.wait_for_function(
        'document.getElementById("counts").textContent.startsWith("1 kept")')
    assert other.text_content('#state') == '✓ kept'
    press(other, 'ArrowRight d')
    page.wait_for_function(
        'document.getElementById("counts").textContent.includes("1 dropped")')
    assert len(download(other)['decisions']) == 2
    other.close()


def test_round_trip(page, files, monkeypatch, tmp_path):
    press(page, 'k d s')
    content = download(page)
    assert content['proxy_file'] == 'proxy.json'
    assert content['decisions'] == {'5': 'keep', '11': 'drop'}
    path, out = tmp_path / 'decisions.json', tmp_path / 'reviewed.json'
    path.write_text(json.dumps(content))
    run_tool(monkeypatch, 'apply_review', files.proxy, path, out)
    found = {
        ann['id']: (ann.get('mask_weight'), ann.get('mask_source'))
        for ann in load_proxy(str(out))['annotations'] if 'mask_score' in ann
    }
    assert found == {
        5: (1, 'human'),
        11: (0, 'tiny@1234'),
        3: (None, 'tiny@1234'),
        8: (None, 'tiny@1234')
    }
