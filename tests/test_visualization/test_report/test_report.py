import json
import math
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from proxy_files import (CLASS_NAME, edit_annotations, remove_mask,
                         rename_class, write_proxy_files)

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import MaskFilter
from mmboxcaseg.evaluation import compare_masks
from mmboxcaseg.proxy import ScoredMasks
from mmboxcaseg.visualization.report.report import ProxyReport


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags, self.ids, self.links, self.sources = [], [], [], []
        self.words = []
        self.feed(path.read_text(encoding='utf-8'))
        self.text = ' '.join(' '.join(self.words).split())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        for name, found in (('id', self.ids), ('href', self.links),
                            ('src', self.sources)):
            if name in attrs:
                found.append(attrs[name])

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def files(tiny_coco, rng):
    return write_proxy_files(tiny_coco(rename_class), rng)


def build(files, others=('truth', 'unmerged'), **kwargs) -> ProxyReport:
    masks = ScoredMasks(files.proxy, files.img_prefix)
    for name in others:
        kwargs[name] = compare_masks(masks, getattr(files, name))
    return ProxyReport(masks, **kwargs)


def write(report: ProxyReport, folder: Path) -> Page:
    report.write(str(folder / 'report.html'))
    return Page(folder / 'report.html')


@pytest.fixture
def many(files, rng) -> ProxyReport:
    """Arrays of 80 masks; the files behind them are not used."""
    report = build(files, ('truth', ))
    masks = report.masks
    masks.ids = np.arange(80)
    masks.scores = rng.integers(0, 41, 80) / 40
    masks.annotations = [
        dict(id=i, mask_score=score) for i, score in enumerate(masks.scores)
    ]
    masks.areas = rng.integers(1, 100, 80)**2
    masks.labels = rng.choice([0, 2], 80)
    masks.classes = ('cat', 'dog', 'cow')
    ious = rng.random(80)
    ious[::7] = np.nan
    return ProxyReport(masks, report.truth._replace(ious=ious))


def mean(values) -> float:
    values = [value for value in values if not math.isnan(value)]
    return sum(values) / len(values) if values else math.nan


def approx(value):
    return pytest.approx(value, nan_ok=True)


def test_threshold_rows_against_loops(many):
    table_8 = {0: 0, 0.75: 0.27, 0.85: 0.49, 0.9: 0.64, 0.95: 0.8}
    rows = many.threshold_rows()
    assert {row['threshold']: row['paper'] for row in rows} == table_8
    for row in rows:
        kept = [
            iou for score, iou in zip(many.masks.scores, many.ious)
            if score >= max(row['threshold'], 1e-9)
        ]
        assert row['kept'] == len(kept)
        assert row['drop_rate'] == approx(1 - len(kept) / 80)
        assert row['iou'] == approx(mean(kept))


def check_group(row: dict, members: list, report: ProxyReport) -> None:
    scores = [report.masks.scores[i] for i in members]
    assert row['count'] == len(members)
    assert row['score'] == approx(mean(scores))
    assert row['kept'] == approx(mean([float(s >= 0.95) for s in scores]))
    assert row['iou'] == approx(mean([report.ious[i] for i in members]))


def test_size_rows_against_loops(many):
    limits = (('small', 0, 1024), ('medium', 1024, 9216), ('large', 9216, 1e9))
    many.masks.areas[many.masks.areas >= 9216] = 5000
    many = ProxyReport(many.masks, many.truth)
    for row, (name, low, high) in zip(many.size_rows(), limits):
        assert row['name'] == name
        members = [i for i in range(80) if low <= many.masks.areas[i] < high]
        check_group(row, members, many)
        assert math.isnan(row['correlation']) == (name == 'large')


def test_class_rows_against_loops(many):
    rows = many.class_rows()
    assert {row['name'] for row in rows} == {'cat', 'cow'}
    assert rows[0]['score'] < rows[1]['score']
    scores = many.masks.scores
    for row in rows:
        label = many.masks.classes.index(row['name'])
        members = np.flatnonzero(many.masks.labels == label).tolist()
        check_group(row, members, many)
        assert row['histogram'].sum() == len(members)
        assert row['worst'] in members and row['best'] in members
        assert scores[row['worst']] == min(scores[i] for i in members)
        assert scores[row['best']] == max(scores[i] for i in members)


def test_calibration_rows_against_loops(many):
    rows = many.calibration_rows()
    assert len(rows) == 10
    for k, row in enumerate(rows):
        assert (row['low'], row['high']) == (k / 10, (k + 1) / 10)
        members = [
            iou for score, iou in zip(many.masks.scores, many.ious)
            if min(int(score * 10 + 1e-9), 9) == k and not math.isnan(iou)
        ]
        assert row['count'] == len(members)
        assert row['iou'] == approx(mean(members))


def test_picks(many):
    picks = many.picks()
    assert list(picks) == ['worst', 'best', 'random', 'misjudged', 'classes']
    assert all(len(picks[name]) == 12 for name in ('worst', 'best', 'random'))
    assert len(set(picks['random'].tolist())) == 12
    again = ProxyReport(many.masks, many.truth, seed=0).picks()
    other = ProxyReport(many.masks, many.truth, seed=1).picks()
    assert again['random'].tolist() == picks['random'].tolist()
    assert other['random'].tolist() != picks['random'].tolist()
    # A gallery shows every example that the table of classes links to.
    shown = {i for numbers in picks.values() for i in numbers.tolist()}
    for row in many.class_rows():
        assert {row['worst'], row['best']} <= shown


def test_page_needs_nothing_else(files, tmp_path):
    page = write(build(files), tmp_path)
    assert not {'script', 'iframe', 'object', 'embed'} & set(page.tags)
    assert all(source.startswith('data:image/') for source in page.sources)
    assert all(link[0] == '#' or link == 'data:,' for link in page.links)
    html = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert 'http:' not in html and 'https:' not in html
    assert '@import' not in html and 'url(' not in html


def test_every_link_has_one_target(files, tmp_path):
    page = write(build(files, topk=2), tmp_path)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link[0] == '#'} <= set(page.ids)
    # all four masks are the worst or the best of a class
    assert {f'ann-{i}' for i in (3, 5, 8, 11)} <= set(page.ids)


def test_numbers_of_the_page(files, tmp_path):
    report = build(files)
    text = write(report, tmp_path).text
    masks, truth = report.masks, report.truth
    for expected in (
            '4 scored masks in 3 images',
            f'{masks.scores.mean():.3f} mean score',
            f'kept at 0.95 ({(masks.scores >= 0.95).sum()} masks)',
            'changed by merging (1 masks)',
            f'{truth.summary["mIoU_star"]:.3f} mIoU*',
            f'{truth.summary["IoU_50"]:.3f} IoU@50',
            f'{truth.summary["IoU_75"]:.3f} IoU@75',
            '1 annotations: a crowd (ids 9)',
            'tiny@1234: 4',
            '4 masks are compared',
            '2 of 2 classes of the file have a scored mask',
    ):
        assert expected in text
    for score, iou in zip(masks.scores, truth.ious):
        assert f'score {score:.3f}' in text
        assert f'true IoU {iou:.3f}' in text
    before = report.unmerged.ious[report.changed[0]]
    assert f'IoU before and after merging {before:.3f}' in text


def test_masks_without_partner_are_counted(files, tmp_path):
    edit_annotations(files.truth, lambda anns: anns.pop(0))
    edit_annotations(files.proxy, lambda anns: remove_mask(anns[1]))
    text = write(build(files), tmp_path).text
    assert '1 annotations: without `mask_score`' in text
    assert '2 masks are compared. 1 scored masks have no true mask' in text
    assert '1 true masks have no scored proxy mask' in text


def test_names_are_escaped(files, tmp_path):
    page = write(build(files), tmp_path)
    assert CLASS_NAME in page.text
    assert 'cat & <b>' not in (tmp_path / 'report.html').read_text()


def test_proxy_file_alone(files, tmp_path):
    data = json.loads(Path(files.proxy).read_text())
    data.pop('info')
    Path(files.proxy).write_text(json.dumps(data))
    page = write(build(files, ()), tmp_path)
    assert {'summary', 'scores', 'thresholds', 'classes'} <= set(page.ids)
    assert {'gallery-worst', 'gallery-best', 'gallery-random'} < set(page.ids)
    for name in ('truth', 'gallery-changed', 'gallery-misjudged'):
        assert name not in page.ids
    assert 'true' not in page.text
    assert 'the file has no info.mmboxcaseg' in page.text


def test_same_bytes_again(files, tmp_path):
    write(build(files), tmp_path)
    first = (tmp_path / 'report.html').read_bytes()
    write(build(files), tmp_path)
    assert (tmp_path / 'report.html').read_bytes() == first


def add_expected_ious(annotations: list) -> None:
    """To all masks but the first: half of the score."""
    for ann in annotations[1:]:
        if 'mask_score' in ann:
            ann['expected_iou'] = round(ann['mask_score'] / 2, 6)


def test_both_scores_side_by_side(files, tmp_path):
    plain = write(build(files), tmp_path)
    edit_annotations(files.proxy, add_expected_ious)
    report = build(files)
    page = write(report, tmp_path)
    mean_iou = np.nanmean(report.masks.expected_ious)
    assert f'{mean_iou:.3f} mean expected IoU' in page.text
    assert 'rank correlation of expected IoU and true IoU' in page.text
    highest = np.nanmax(report.masks.expected_ious)
    assert f'expected IoU {highest:.3f}' in page.text
    # Two histograms and a calibration more
    assert len(page.sources) == len(plain.sources) + 3
    assert 'expected IoU' not in plain.text

    first, second = report.score_rows()
    assert (first['name'], first['count']) == ('score', 4)
    assert (second['name'], second['count']) == ('expected IoU', 3)
    known = ~np.isnan(report.masks.expected_ious)
    assert second['iou'] == pytest.approx(report.ious[known].mean())
    assert second['score'] == pytest.approx(report.masks.scores[known].mean() /
                                            2)
    counts = [r['count'] for r in report.calibration_rows('expected IoU')]
    assert sum(counts) == 3


def test_score_that_no_mask_with_a_true_mask_has(files, tmp_path):

    def only_one_expected_iou(anns):
        add_expected_ious(anns)
        for ann in anns[:-1]:
            ann.pop('expected_iou', None)

    edit_annotations(files.proxy, only_one_expected_iou)
    edit_annotations(files.truth, lambda anns: anns.pop())
    report = build(files)
    assert np.isfinite(report.masks.expected_ious).sum() == 1
    page = write(report, tmp_path)
    assert 'The expected IoU is left out here' in page.text
    assert [row['name'] for row in report.score_rows()] == ['score']
    edit_annotations(files.proxy, add_expected_ious)
    both = write(build(files), tmp_path)
    assert 'left out here' not in both.text
    # A calibration more
    assert len(both.sources) == len(page.sources) + 1


def test_another_rule(files, tmp_path):
    rule = MaskFilter(keep_share=0.5)
    report = build(files, mask_filter=rule)
    assert report.kept.sum() == 2
    text = write(report, tmp_path).text
    assert f'kept by this rule: {rule}' in text and 'kept (2 masks)' in text
    with pytest.raises(InputError, match='no `expected_iou`'):
        build(files, mask_filter=MaskFilter('expected_iou'))


def test_weights_in_the_file_decide(files, tmp_path):
    plain = build(files)
    assert 'mask_weight' not in write(plain, tmp_path).text

    def change(anns):
        for ann in anns:
            if 'mask_score' in ann:
                ann['mask_weight'] = int(ann['id'] == 5)

    edit_annotations(files.proxy, change)
    for report in (build(files), build(files, mask_filter=MaskFilter(thr=1))):
        assert report.masks.ids[report.kept].tolist() == [5]
        assert '4 masks have a mask_weight' in write(report, tmp_path).text
