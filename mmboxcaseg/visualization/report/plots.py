"""Plots of the report, each as the data URI of an SVG."""
from typing import Dict, Optional

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmboxcaseg.structures import is_kept
from ..drawing import to_data_uri
from .statistics import bin_edges

STYLE = {
    'font.size': 9,
    'axes.spines.top': False,
    'axes.spines.right': False,
    # Otherwise ids in the SVG are random, and no two files are equal.
    'svg.hashsalt': 'mmboxcaseg'
}
BLUE, PALE, GREY, RED = '#2f6db3', '#8fb4dc', '#9aa3ad', '#c8402f'


def plot_histograms(counts: Dict[str, np.ndarray],
                    threshold: Optional[float] = None,
                    name: str = 'score') -> str:
    """Draw histograms of a score side by side.

    Args:
        counts (dict[str, np.ndarray]): Masks per score bin by title, each
            has shape (NUM_BINS, ).
        threshold (float, optional): Marked by a line.
        name (str): Name of the score.

    Returns:
        str: Data URI.
    """
    with rc_context(STYLE):
        size = max(3 * len(counts), 7), 2.6
        figure = Figure(figsize=size, layout='constrained')
        axes = figure.subplots(1, len(counts), squeeze=False)[0]
        for ax, (title, count) in zip(axes, counts.items()):
            ax.stairs(count, bin_edges(), fill=True, color=PALE)
            if threshold is not None:
                ax.axvline(threshold, color=RED, lw=1.3)
            ax.set(title=title, xlabel=name)
            ax.set(xlim=(0, 1), ylim=(0, 1.05 * max(count.max(), 1)))
            ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes[0].set_ylabel('masks')
        return _to_svg(figure)


def plot_sparkline(counts: np.ndarray) -> str:
    """Draw a small histogram without axes.

    Args:
        counts (np.ndarray): Masks per score bin, has shape (NUM_BINS, ).

    Returns:
        str: Data URI.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(1.1, 0.24))
        ax = figure.add_axes((0, 0, 1, 1))
        ax.axis('off')
        ax.stairs(counts, bin_edges(), fill=True, color=BLUE)
        ax.set(xlim=(0, 1), ylim=(0, max(counts.max(), 1)))
        return _to_svg(figure)


def plot_kept(scores: np.ndarray, threshold: Optional[float]) -> str:
    """Draw the share of masks kept against the threshold.

    Args:
        scores (np.ndarray): Scores in [0, 1], has shape (n, ).
        threshold (float, optional): Marked by a line.

    Returns:
        str: Data URI.
    """
    thresholds = bin_edges(100)
    shares = [is_kept(scores, thr).mean() for thr in thresholds]
    with rc_context(STYLE):
        figure = Figure(figsize=(4.2, 2.6))
        ax = figure.subplots()
        ax.plot(thresholds, shares, color=BLUE)
        if threshold is not None:
            ax.axvline(threshold, color=RED, lw=1.3)
        ax.set(xlabel='threshold', ylabel='share of masks kept')
        ax.set(xlim=(0, 1), ylim=(0, 1.02))
        ax.grid(alpha=0.3)
        return _to_svg(figure)


def plot_calibration(ious: np.ndarray,
                     counts: np.ndarray,
                     name: str = 'score') -> str:
    """Draw the mean true IoU against the score, above the number of masks.

    Args:
        ious (np.ndarray): Mean true IoU of every score bin, NaN for an empty
            bin, has shape (b, ).
        counts (np.ndarray): Number of masks of every bin, has shape (b, ).
        name (str): Name of the score.

    Returns:
        str: Data URI.
    """
    edges = bin_edges(len(ious))
    with rc_context(STYLE):
        figure = Figure(figsize=(4.2, 3.6))
        top, bottom = figure.subplots(
            2, sharex=True, gridspec_kw=dict(height_ratios=(3, 1)))
        top.plot((0, 1), (0, 1),
                 color=GREY,
                 lw=1,
                 ls=':',
                 label=f'IoU = {name}')
        top.plot((edges[:-1] + edges[1:]) / 2, ious, 'o-', color=BLUE)
        top.set(ylabel='mean true IoU', xlim=(0, 1), ylim=(0, 1))
        top.grid(alpha=0.3)
        top.legend(frameon=False, loc='upper left')
        bottom.stairs(counts, edges, fill=True, color=GREY)
        bottom.set(xlabel=name, ylabel='masks', ylim=(0, None))
        return _to_svg(figure)


def _to_svg(figure: Figure) -> str:
    # Without a date the same masks give the same file.
    options = dict(bbox_inches='tight', pad_inches=0.02)
    return to_data_uri(figure, 'svg', metadata=dict(Date=None), **options)
