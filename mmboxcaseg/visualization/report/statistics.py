"""Statistics of proxy masks: pure functions on arrays, one entry per mask."""
from typing import Tuple

import numpy as np

NUM_BINS = 20
SIZES = ('small', 'medium', 'large')


def bin_edges(num_bins: int = NUM_BINS) -> np.ndarray:
    """Edges of equal bins over [0, 1], has shape (num_bins + 1, ).

    They equal the decimal literals: a score of 0.95 is in the bin that starts
    at 0.95, which ``np.linspace`` does not guarantee.
    """
    return np.arange(num_bins + 1) / num_bins


def score_bins(scores: np.ndarray, num_bins: int = NUM_BINS) -> np.ndarray:
    """Find the bin of every score.

    Args:
        scores (np.ndarray): Scores in [0, 1], has shape (n, ).
        num_bins (int): Number of bins. A score on an edge is in the upper bin.

    Returns:
        np.ndarray: Has shape (n, ) and values from 0 to ``num_bins - 1``.
    """
    return np.digitize(scores, bin_edges(num_bins)[1:-1])


def score_histograms(scores: np.ndarray, groups: np.ndarray,
                     num_groups: int) -> np.ndarray:
    """Count the scores of every group in the bins of :func:`score_bins`.

    Args:
        scores (np.ndarray): Scores in [0, 1], has shape (n, ).
        groups (np.ndarray): Group of every mask, has shape (n, ).
        num_groups (int): Number g of groups.

    Returns:
        np.ndarray: Counts, has shape (g, NUM_BINS).
    """
    cells = groups * NUM_BINS + score_bins(scores)
    counts = np.bincount(cells, minlength=num_groups * NUM_BINS)
    return counts.reshape(num_groups, NUM_BINS)


def coco_sizes(areas: np.ndarray) -> np.ndarray:
    """COCO size of every object, an index of ``SIZES``.

    Args:
        areas (np.ndarray): Areas in square pixels, has shape (n, ).

    Returns:
        np.ndarray: Has shape (n, ). The limits 32^2 and 96^2 belong to the
        larger size.
    """
    return np.digitize(areas, (32**2, 96**2))


def group_means(values: np.ndarray, groups: np.ndarray,
                num_groups: int) -> np.ndarray:
    """Mean of the known values of every group.

    Args:
        values (np.ndarray): Values, NaN where unknown, has shape (n, ).
        groups (np.ndarray): Group of every value, has shape (n, ).
        num_groups (int): Number g of groups.

    Returns:
        np.ndarray: Means, NaN for a group without values, has shape (g, ).
    """
    known = ~np.isnan(values)
    groups = groups[known]
    counts = np.bincount(groups, minlength=num_groups)
    sums = np.bincount(groups, values[known], num_groups)
    return np.divide(
        sums, counts, out=np.full(num_groups, np.nan), where=counts > 0)


def rank_correlation(scores: np.ndarray, ious: np.ndarray) -> float:
    """Spearman's rank correlation of score and true IoU.

    Args:
        scores (np.ndarray): Scores, has shape (n, ).
        ious (np.ndarray): True IoUs, NaN where unknown, has shape (n, ).

    Returns:
        float: In [-1, 1]; NaN if all scores or all IoUs are equal.
    """
    # Its import takes a second, and only reports with true masks need it.
    from scipy.stats import spearmanr
    known = ~np.isnan(ious)
    scores, ious = scores[known], ious[known]
    if len(np.unique(scores)) < 2 or len(np.unique(ious)) < 2:
        return float('nan')
    return float(spearmanr(scores, ious).statistic)


def best_and_worst(scores: np.ndarray,
                   ious: np.ndarray,
                   share: float = 0.2) -> Tuple[float, float]:
    """Mean true IoU of the masks with the highest and the lowest scores.

    Args:
        scores (np.ndarray): Scores, has shape (n, ).
        ious (np.ndarray): True IoUs, has shape (n, ).
        share (float): Share of the masks in each of the two groups.

    Returns:
        tuple[float]: Both means, each of at least one mask; NaN if n is 0.
    """
    if not len(scores):
        return float('nan'), float('nan')
    order = np.argsort(-scores, kind='stable')
    num = max(round(share * len(order)), 1)
    return float(ious[order[:num]].mean()), float(ious[order[-num:]].mean())
