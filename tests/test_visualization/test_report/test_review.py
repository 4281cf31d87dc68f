import base64
import json
import re
from html import unescape
from pathlib import Path
from typing import List

import cv2
import numpy as np
import pytest
from proxy_files import (CLASS_NAME, edit_annotations, rename_class,
                         write_proxy_files)

from mmboxcaseg import InputError
from mmboxcaseg.proxy import ScoredMasks
from mmboxcaseg.structures import decode_window
from mmboxcaseg.visualization.report.review import ProxyReview


@pytest.fixture
def files(tiny_coco, rng):
    return write_proxy_files(tiny_coco(rename_class), rng)


def build(files, **kwargs) -> ProxyReview:
    return ProxyReview(ScoredMasks(files.proxy, files.img_prefix), **kwargs)


def ids(review: ProxyReview) -> List[int]:
    return review.masks.ids[review.picks].tolist()


def change(files, **fields) -> None:
    """Set fields of annotations, by id with an underscore."""

    def edit(anns):
        for ann in anns:
            ann.update(fields.get(f'_{ann["id"]}', {}))

    edit_annotations(files.proxy, edit)


def read(review: ProxyReview, folder: Path) -> tuple:
    """Write the page; returns its text, its content and its images."""
    path = folder / 'review.html'
    review.write(str(path))
    html = path.read_text(encoding='utf-8')
    content, = re.findall('id="content">(.*?)</script>', html)
    images = re.findall(r'id="image-\d+">data:image/jpeg;base64,(.*?)</', html)
    return html, json.loads(content), [
        cv2.imdecode(np.frombuffer(base64.b64decode(image), np.uint8), 1)
        for image in images
    ]


def test_lowest_score_or_expected_iou(files):
    scores = {a['id']: a['mask_score'] for a in build(files).masks.annotations}
    assert [scores[i] for i in ids(build(files))] == sorted(scores.values())
    change(
        files,
        _3=dict(expected_iou=0.4),
        _5=dict(expected_iou=0.2),
        _11=dict(expected_iou=0.3))
    # An unknown one comes last.
    assert ids(build(files)) == [5, 11, 3, 8]
    assert ids(build(files, num=2)) == [5, 11]


def test_random_masks(files):
    draws = [ids(build(files, num=2, seed=seed)) for seed in range(9)]
    assert draws == [ids(build(files, num=2, seed=s)) for s in range(9)]
    assert len(set(map(tuple, draws))) > 2
    assert all(len(set(draw)) == 2 for draw in draws)
    assert ids(build(files, num=50, seed=0)) == [8, 3, 5, 11]


def test_classes(files):
    assert set(ids(build(files, classes=['dog']))) == {5, 3}
    with pytest.raises(InputError, match=r"has no class \['cow'\]; it has"):
        build(files, classes=['dog', 'cow'])


def test_what_is_left_out(files):
    change(files, _5=dict(mask_weight=1), _8=dict(mask_score=0))
    review = build(files)
    assert set(ids(review)) == {3, 11}
    assert review.left_out == {'empty': 1, 'with a `mask_weight`': 1}
    assert set(ids(build(files, again=True))) == {3, 5, 11}
    change(files, _3=dict(mask_weight=0), _11=dict(mask_weight=0))
    with pytest.raises(InputError, match='no mask to review; left out: '):
        build(files)


def test_page_needs_nothing_else(files, tmp_path):
    html, _, _ = read(build(files), tmp_path)
    assert "default-src 'none'" in html
    for word in ('http:', 'https:', '@import', 'url(', '<script src',
                 'fetch('):
        assert word not in html
    assert 'cat & <b>' not in html


def test_same_bytes_again(files, tmp_path):
    pages = [read(build(files, num=3, seed=1), tmp_path)[0] for _ in range(2)]
    assert pages[0] == pages[1]


def test_content(files, tmp_path):
    change(files, _5=dict(expected_iou=0.25))
    review = build(files)
    _, content, images = read(review, tmp_path)
    assert content['masks_sha256'] == review.masks.fingerprint
    assert content['out_file'] == 'proxy_review.json'
    assert len(images) == len(content['boxes']) == 4
    box = content['boxes'][0]
    assert (box['id'], box['name'], box['size']) == ('5', 'dog', 'small')
    assert (box['bbox'], box['expected_iou']) == ([30, 30.5], 0.25)
    assert (box['source'], box['weight']) == ('tiny@1234', None)
    others = {other['id']: other for other in content['boxes'][1:]}
    assert unescape(others['11']['name']) == CLASS_NAME
    assert others['3']['expected_iou'] is None


@pytest.mark.parametrize('side', [480, 20])
def test_mask_and_image_fit(files, tmp_path, side):
    review = build(files, side=side)
    _, content, images = read(review, tmp_path)
    for i, box, image in zip(review.picks, content['boxes'], images):
        height, width = box['height'], box['width']
        assert image.shape == (height, width, 3)
        assert max(image.shape) <= side
        runs = np.array(box['runs'])
        mask = np.repeat(np.arange(len(runs)) % 2, runs)
        mask = mask.reshape(width, height).T
        x, y, w, h = box['box']
        # The mask is in its box, give or take the rounding of a pixel.
        rows, columns = np.nonzero(mask)
        assert x - 1 <= columns.min() and columns.max() <= x + w
        assert y - 1 <= rows.min() and rows.max() <= y + h
        if side == 480:
            ann = review.masks.annotations[i]
            rle = review.masks.rle(i)
            full = decode_window(rle, [0, 0, *rle['size'][::-1]])
            assert mask.sum() == full.sum()
            left, top = (int(a - b) for a, b in zip(ann['bbox'], (x, y)))
            window = left, top, left + width, top + height
            np.testing.assert_array_equal(mask, decode_window(rle, window))


def test_surroundings(files, tmp_path):
    _, content, _ = read(build(files), tmp_path)
    boxes = {box['id']: box for box in content['boxes']}
    # 16 pixels around a small box, up to the border of the image (30 x 30).
    assert boxes['3']['box'] == [10, 10, 5, 6]
    assert (boxes['3']['width'], boxes['3']['height']) == (30, 30)


def test_unusable_image(files, tmp_path):
    review = build(files, classes=['dog'])
    (Path(files.img_prefix) / 'c.png').write_text('text')
    with pytest.raises(InputError, match='c.png cannot be read'):
        review.write(str(tmp_path / 'review.html'))
    assert not (tmp_path / 'review.html').exists()
