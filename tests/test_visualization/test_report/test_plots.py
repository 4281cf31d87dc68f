import base64
import re

import numpy as np
import pytest

from mmboxcaseg.visualization.report.plots import (BLUE, PALE, RED,
                                                   plot_calibration,
                                                   plot_histograms, plot_kept,
                                                   plot_sparkline)
from mmboxcaseg.visualization.report.statistics import NUM_BINS


def decode(uri: str) -> str:
    head, data = uri.split(',')
    assert head == 'data:image/svg+xml;base64'
    return base64.b64decode(data).decode('utf-8')


def line_of(svg: str, colour: str) -> str:
    """The first path with a colour."""
    tag = next(t for t in re.findall('<path [^>]*>', svg) if colour in t)
    return re.search(r'\bd="([^"]*)"', tag)[1]


def points_of(svg: str, colour: str) -> np.ndarray:
    """Points of the first path with a colour, has shape (n, 2)."""
    points = re.findall(r'([\d.-]+) ([\d.-]+)', line_of(svg, colour))
    return np.array(points, dtype=float)


@pytest.fixture
def counts(rng) -> np.ndarray:
    return rng.integers(0, 9, NUM_BINS)


def test_histograms(counts):
    svg = decode(plot_histograms(dict(small=counts, large=2 * counts), 0.25))
    assert svg.count(PALE) == svg.count(RED) == 2
    # The line of the threshold is at a quarter of the bars' width.
    bars, line = points_of(svg, PALE)[:, 0], points_of(svg, RED)[:, 0]
    place = (line[0] - bars.min()) / np.ptp(bars)
    assert place == pytest.approx(0.25, abs=1e-3)


def test_empty_histogram():
    assert PALE in decode(plot_histograms(dict(none=np.zeros(NUM_BINS)), 0.5))


def test_sparkline(counts):
    bars = points_of(decode(plot_sparkline(counts)), BLUE)
    # y points down; the highest bar fills the height.
    heights = bars[:, 1].max() - bars[1:2 * NUM_BINS:2, 1]
    assert heights / heights.max() == pytest.approx(
        counts / counts.max(), abs=1e-3)


def test_kept():
    """The curve starts at all masks and ends at those of score 1."""
    curve = points_of(
        decode(plot_kept(np.array([0.5, 0.5, 0.5, 1]), 0.9)), BLUE)
    assert np.ptp(curve[:, 1]) / (curve[:, 1].max() - curve[0, 1]) == 1
    drop = np.argmax(np.diff(curve[:, 1]) > 0)
    place = (curve[drop, 0] - curve[0, 0]) / np.ptp(curve[:, 0])
    assert place == pytest.approx(0.5, abs=0.02)


def test_calibration_leaves_gaps_for_empty_bins():
    ious = np.array([0.1, np.nan, 0.5, 0.7])
    svg = decode(plot_calibration(ious, np.array([3, 0, 1, 2])))
    assert line_of(svg, BLUE).count('M') == 2


def test_same_bytes_again(counts):
    assert plot_sparkline(counts) == plot_sparkline(counts)
    assert 'Date' not in decode(plot_sparkline(counts))
