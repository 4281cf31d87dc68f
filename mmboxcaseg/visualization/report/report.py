"""The report on a proxy file: one self-contained HTML page."""
import json
import math
from collections import Counter
from typing import Dict, List, Optional, Sequence

import numpy as np

from mmboxcaseg.datasets.coco import MaskFilter, write_atomically
from mmboxcaseg.proxy import Comparison, ScoredMasks
from mmboxcaseg.structures import is_kept
from mmboxcaseg.structures.scores import SCORES
from .galleries import (draw_card, find_changed, find_misjudged,
                        first_of_classes, order_by_score)
from .plots import plot_calibration, plot_histograms, plot_kept, plot_sparkline
from .statistics import (SIZES, best_and_worst, bin_edges, coco_sizes,
                         group_means, rank_correlation, score_bins,
                         score_histograms)
from .templates import load_template

# Table 8 of the paper: share of the masks dropped on COCO, by threshold.
PAPER_DROP_RATES = {0.0: 0.0, 0.75: 0.27, 0.85: 0.49, 0.9: 0.64, 0.95: 0.8}
CALIBRATION_BINS = 10


class ProxyReport:
    """Tables, plots and galleries of a proxy file.

    Args:
        masks (ScoredMasks): The n masks of the proxy file.
        truth (Comparison, optional): Comparison with the true masks.
        unmerged (Comparison, optional): Comparison with the masks before
            merging.
        threshold (float): Masks with a lower score count as dropped.
        mask_filter (MaskFilter, optional): Replaces ``threshold``: masks that
            it does not use count as dropped.
        topk (int): Number of masks per gallery.
        seed (int): Seed of the gallery of random masks.

    Attributes:
        scores (dict[str, np.ndarray]): Agreement ('score') and, if known of
            any mask, 'expected IoU', NaN where unknown, have shape (n, ).
        ious (np.ndarray): True IoUs, NaN where unknown, has shape (n, ).
        kept (np.ndarray): Whether a mask is kept, has shape (n, ).
        weighted (int): Number of masks that have a ``mask_weight``, which
            sets ``kept``.
        sizes (np.ndarray): Indices of ``SIZES``, has shape (n, ).
        changed (np.ndarray): See :func:`find_changed`, has shape (m, ).
    """

    def __init__(self,
                 masks: ScoredMasks,
                 truth: Optional[Comparison] = None,
                 unmerged: Optional[Comparison] = None,
                 threshold: float = 0.95,
                 mask_filter: Optional[MaskFilter] = None,
                 topk: int = 12,
                 seed: int = 0) -> None:
        self.masks = masks
        self.truth = truth
        self.unmerged = unmerged
        self.threshold, self.mask_filter = threshold, mask_filter
        self.topk = topk
        self.seed = seed
        self.ious = truth.ious if truth else np.full(len(masks), np.nan)
        self.scores = dict(score=masks.scores)
        if not np.isnan(masks.expected_ious).all():
            self.scores['expected IoU'] = masks.expected_ious
        rule = mask_filter or MaskFilter(thr=threshold)
        self.kept = rule.weigh(masks.annotations, masks.proxy_file) > 0
        self.weighted = sum('mask_weight' in a for a in masks.annotations)
        self.sizes = coco_sizes(masks.areas)
        self.changed = np.zeros(0, dtype=np.int64)
        if unmerged:
            self.changed = find_changed(masks, unmerged)

    def write(self, out_file: str) -> None:
        """Write the page, atomically.

        Args:
            out_file (str): The HTML file.

        Raises:
            InputError: An image of a gallery cannot be read or has another
                size.
        """
        annotations = self.masks.annotations
        images = {ann['image_id'] for ann in annotations}
        sources = [ann.get('mask_source', 'not named') for ann in annotations]
        template = load_template(
            'report.html.j2',
            number=_format_number,
            percent=_format_percent,
            sparkline=plot_sparkline)
        page = template.render(
            report=self,
            masks=self.masks,
            num_images=len(images),
            provenance={
                key: value if isinstance(value, str) else json.dumps(value)
                for key, value in self.masks.provenance.items()
            },
            sources=Counter(sources),
            mean_expected_iou=np.nanmean(self.masks.expected_ious)
            if 'expected IoU' in self.scores else math.nan,
            correlation=rank_correlation(self.masks.scores, self.ious),
            score_rows=self.score_rows() if self.truth else [],
            plots=self._plots(),
            galleries=self._galleries())
        write_atomically(out_file, [page])

    def threshold_rows(self) -> List[dict]:
        """Masks kept at the thresholds of Table 8, one row per threshold."""
        rows = []
        for threshold, paper in PAPER_DROP_RATES.items():
            kept = is_kept(self.masks.scores, threshold)
            # Group 1 contains the kept masks.
            iou = group_means(self.ious, kept.astype(int), 2)[1]
            row = dict(threshold=threshold, paper=paper, iou=iou)
            rows.append(
                dict(row, kept=int(kept.sum()), drop_rate=1 - kept.mean()))
        return rows

    def size_rows(self) -> List[dict]:
        """One row per COCO size, including sizes without objects."""
        rows = self._group_rows(self.sizes, SIZES)
        for size, row in enumerate(rows):
            own = self.sizes == size
            row['correlation'] = rank_correlation(self.masks.scores[own],
                                                  self.ious[own])
        return rows

    def class_rows(self) -> List[dict]:
        """One row per class that occurs, the lowest mean score first."""
        masks = self.masks
        rows = self._group_rows(masks.labels, masks.classes)
        counts = score_histograms(masks.scores, masks.labels, len(rows))
        worst = first_of_classes(masks, best_first=False)
        best = first_of_classes(masks, best_first=True)
        found = [
            dict(rows[i], histogram=counts[i], worst=worst[i], best=best[i])
            for i in worst
        ]
        return sorted(found, key=lambda row: row['score'])

    def known(self, name: str) -> np.ndarray:
        """Which masks have a score and a true mask, has shape (n, )."""
        # A sum with NaN is NaN, so both must be known.
        return ~np.isnan(self.ious + self.scores[name])

    def not_compared(self) -> List[str]:
        """Scores that no mask with a true mask has."""
        return [name for name in self.scores if not self.known(name).any()]

    def score_rows(self) -> List[dict]:
        """Relation of each score to the true IoU, one row per score.

        Scores of :meth:`not_compared` have no row.
        """
        rows = []
        for name, scores in self.scores.items():
            known = self.known(name)
            if not known.any():
                continue
            scores, ious = scores[known], self.ious[known]
            best, worst = best_and_worst(scores, ious)
            rows.append(
                dict(
                    name=name,
                    count=len(scores),
                    score=scores.mean(),
                    iou=ious.mean(),
                    correlation=rank_correlation(scores, ious),
                    best=best,
                    worst=worst))
        return rows

    def calibration_rows(self, name: str = 'score') -> List[dict]:
        """True IoU by score: one row per score bin, including empty bins."""
        known = self.known(name)
        bins = score_bins(self.scores[name][known], CALIBRATION_BINS)
        counts = np.bincount(bins, minlength=CALIBRATION_BINS)
        ious = group_means(self.ious[known], bins, CALIBRATION_BINS)
        edges = bin_edges(CALIBRATION_BINS)
        bounds = dict(low=edges[:-1], high=edges[1:])
        return _to_rows(dict(bounds, count=counts.tolist(), iou=ious))

    def compared(self) -> Dict[str, int]:
        """Number of masks with a true mask, and of masks in one file only."""
        both = int((~np.isnan(self.ious)).sum())
        return dict(
            both=both,
            no_truth=len(self.masks) - both,
            no_score=len(self.truth.masks) - both)

    def picks(self) -> Dict[str, np.ndarray]:
        """Indices of the masks in every gallery, by its name.

        The last gallery, ``classes``, has the worst and the best mask of
        every class, except those that another gallery shows.
        """
        count = min(self.topk, len(self.masks))
        rng = np.random.default_rng(self.seed)
        picks = dict(
            worst=order_by_score(self.masks, best_first=False)[:count],
            best=order_by_score(self.masks, best_first=True)[:count],
            random=np.sort(rng.choice(len(self.masks), count, replace=False)))
        if self.unmerged:
            picks['changed'] = self.changed[:count]
        if self.truth:
            picks['misjudged'] = find_misjudged(self.kept, self.truth)[:count]
        shown = set(np.concatenate(list(picks.values())).tolist())
        examples = dict.fromkeys(i for row in self.class_rows()
                                 for i in (row['worst'], row['best']))
        picks['classes'] = np.array([i for i in examples if i not in shown],
                                    dtype=np.int64)
        return picks

    def _group_rows(self, groups: np.ndarray,
                    names: Sequence[str]) -> List[dict]:
        num = len(names)
        values = dict(
            score=self.masks.scores,
            kept=self.kept.astype(float),
            iou=self.ious)
        if 'expected IoU' in self.scores:
            values['expected_iou'] = self.scores['expected IoU']
        means = {k: group_means(v, groups, num) for k, v in values.items()}
        counts = np.bincount(groups, minlength=num).tolist()
        return _to_rows(dict(name=names, count=counts, **means))

    def _plots(self) -> Dict[str, str]:
        """Plots of histograms and calibration by score, and of ``kept``."""
        lines = self._thresholds()
        plots = dict(
            kept=plot_kept(self.masks.scores, lines.get('score')),
            all={},
            sizes={},
            calibration={})
        for name, scores in self.scores.items():
            known = ~np.isnan(scores)
            by_size = score_histograms(scores[known], self.sizes[known],
                                       len(SIZES))
            line = lines.get(name)
            plots['all'][name] = plot_histograms(
                {'all sizes': by_size.sum(axis=0)}, line, name)
            plots['sizes'][name] = plot_histograms(
                dict(zip(SIZES, by_size)), line, name)
            if self.known(name).any():
                rows = self.calibration_rows(name)
                plots['calibration'][name] = plot_calibration(
                    np.array([row['iou'] for row in rows]),
                    np.array([row['count'] for row in rows]), name)
        return plots

    def _thresholds(self) -> Dict[str, float]:
        """The threshold by the name of its score."""
        if not self.mask_filter:
            return dict(score=self.threshold)
        name = dict(zip(SCORES, ('score', 'expected IoU')))
        return {name[self.mask_filter.key]: self.mask_filter.thr}

    def _galleries(self) -> Dict[str, List[dict]]:
        """Cards of every gallery; links lead to the first card of a mask."""
        seen, galleries = set(), {}
        for name, picks in self.picks().items():
            others = {'true mask': self.truth}
            if name == 'changed':
                others = {'before merging': self.unmerged, **others}
            cards = galleries[name] = []
            for i in picks.tolist():
                label, ann_id = self.masks.labels[i], int(self.masks.ids[i])
                card = dict(i=i, id=ann_id, name=self.masks.classes[label])
                figures = draw_card(self.masks, i, others)
                cards.append(dict(card, anchor=i not in seen, figures=figures))
                seen.add(i)
        return galleries


def _to_rows(columns: Dict[str, Sequence]) -> List[dict]:
    return [dict(zip(columns, values)) for values in zip(*columns.values())]


def _format_number(value: float) -> str:
    return '–' if math.isnan(value) else f'{value:.3f}'


def _format_percent(value: float) -> str:
    return '–' if math.isnan(value) else f'{100 * value:.1f} %'
