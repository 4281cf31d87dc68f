import math

import numpy as np
import pytest

from mmboxcaseg.visualization.report import statistics


@pytest.fixture
def scores(rng) -> np.ndarray:
    # with many ties, and scores on the edges of the bins
    return np.concatenate([rng.random(100), rng.integers(0, 21, 100) / 20])


@pytest.mark.parametrize('num_bins', [10, 20])
def test_a_score_on_an_edge_is_in_the_upper_bin(num_bins):
    edges = statistics.bin_edges(num_bins)
    assert edges.tolist() == [
        float(f'{k / num_bins:.2f}') for k in range(num_bins + 1)
    ]
    expected = [*range(num_bins), num_bins - 1]
    assert statistics.score_bins(edges, num_bins).tolist() == expected


def test_histograms_against_loops(scores, rng):
    groups = rng.choice([0, 1, 3], len(scores))
    expected = np.zeros((5, statistics.NUM_BINS), dtype=int)
    for score, group in zip(scores.tolist(), groups.tolist()):
        for k in range(statistics.NUM_BINS):
            last = k == statistics.NUM_BINS - 1
            if k / statistics.NUM_BINS <= score and (last or score < (k + 1) /
                                                     statistics.NUM_BINS):
                expected[group, k] += 1
    assert (statistics.score_histograms(scores, groups, 5) == expected).all()
    assert expected.sum() == len(scores)


def test_coco_sizes():
    areas = np.array([0, 1023.9, 1024, 9215.9, 9216, 1e6])
    assert statistics.coco_sizes(areas).tolist() == [0, 0, 1, 1, 2, 2]


def test_group_means_against_loops(rng):
    values = rng.random(50)
    values[rng.random(50) < 0.3] = np.nan
    groups = rng.choice([0, 2, 3], 50)
    values[groups == 3] = np.nan
    means = statistics.group_means(values, groups, 5)
    for group in range(5):
        known = [
            value for value, own in zip(values.tolist(), groups.tolist())
            if own == group and not math.isnan(value)
        ]
        if known:
            assert means[group] == pytest.approx(sum(known) / len(known))
        else:
            assert math.isnan(means[group])
    assert np.isnan(means).sum() == 3


def mean_ranks(values: list) -> list:
    return [
        sum(other < value
            for other in values) + (sum(other == value
                                        for other in values) + 1) / 2
        for value in values
    ]


def pearson(xs: list, ys: list) -> float:
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    cov = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys))
    var_x = sum((x - mean_x)**2 for x in xs)
    var_y = sum((y - mean_y)**2 for y in ys)
    return cov / math.sqrt(var_x * var_y)


def test_rank_correlation_against_the_formula(scores, rng):
    ious = (scores + rng.random(len(scores))) / 2
    expected = pearson(mean_ranks(scores.tolist()), mean_ranks(ious.tolist()))
    assert 0.2 < expected < 0.9
    assert statistics.rank_correlation(scores, ious) == pytest.approx(expected)
    # unknown IoUs take no part
    scores = np.append(scores, [0, 1])
    ious = np.append(ious, [np.nan, np.nan])
    assert statistics.rank_correlation(scores, ious) == pytest.approx(expected)


@pytest.mark.parametrize('scores, ious', [
    ([], []),
    ([0.5], [0.5]),
    ([0.5, 0.5], [0.1, 0.2]),
    ([0.1, 0.2], [0.5, 0.5]),
    ([0.1, 0.2], [np.nan, np.nan]),
])
def test_rank_correlation_that_is_not_defined(scores, ious):
    assert math.isnan(
        statistics.rank_correlation(np.array(scores), np.array(ious)))


def test_best_and_worst(rng):
    scores, ious = rng.random(50), rng.random(50)
    pairs = sorted(zip(scores.tolist(), ious.tolist()))
    best, worst = statistics.best_and_worst(scores, ious)
    assert best == pytest.approx(sum(iou for _, iou in pairs[-10:]) / 10)
    assert worst == pytest.approx(sum(iou for _, iou in pairs[:10]) / 10)
    assert statistics.best_and_worst(scores[:1],
                                     ious[:1]) == (ious[0], ious[0])
    assert np.isnan(statistics.best_and_worst(scores[:0], ious[:0])).all()
