from typing import List, Optional, Sequence

import numpy as np
from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from mmboxcaseg.structures import is_kept
from mmboxcaseg.structures.scores import SCORES
from .messages import first_few


class MaskFilter:
    """Which proxy masks are used for training, and with which weight.

    A mask is used if its score is ``thr`` or more and, with ``keep_share``,
    if it is one of the best of its class. If an annotation has a
    ``mask_weight``, this weight is used instead, and the mask does not count
    in the share. An empty mask is never used, whatever its weight.

    Args:
        key (str): The score: 'mask_score' (proxy box agreement, the paper) or
            'expected_iou'. Defaults to 'mask_score'.
        thr (float): Lowest score of a mask that is used. Defaults to 0.
        keep_share (float, optional): Largest share of the masks of each class
            that is used. Those with the highest scores are used; if scores
            are equal, the lower annotation id comes first. It is at least one
            mask per class, unless the share is 0. Defaults to None: no limit.
        soft (bool | float): The weight of a used mask is its score to this
            power: 1 with False (default), the score with True.

    Raises:
        InputError: The key is unknown, or a number is out of range.
    """

    def __init__(self,
                 key: str = 'mask_score',
                 thr: float = 0.,
                 keep_share: Optional[float] = None,
                 soft: float = False) -> None:
        if key not in SCORES:
            raise InputError(f'key={key!r} of a mask filter must be one of '
                             f'{SCORES}.')
        try:
            is_good = (0 <= thr <= 1 and 0 <= (keep_share or 0) <= 1
                       and soft >= 0)
        except TypeError:
            is_good = False  # not a number
        if not is_good:
            raise InputError(
                f'thr={thr!r} and keep_share={keep_share!r} of a mask filter '
                f'must be in [0, 1], soft={soft!r} must not be negative.')
        self.key, self.thr, self.keep_share = key, thr, keep_share
        self.soft = float(soft)

    @classmethod
    def of_dataset(cls,
                   mask_filter: Optional[dict] = None,
                   mask_score_thr: float = 0.95,
                   mask_score_power: float = 0.,
                   **others) -> 'MaskFilter':
        """Build the filter of a ``ProxyCocoDataset`` from its arguments.

        Args:
            mask_filter (dict, optional): Arguments of the filter.
            mask_score_thr, mask_score_power: Its ``thr`` and ``soft`` if
                ``mask_filter`` is None.
            others: Other arguments of the data set, which are not used.

        Raises:
            InputError: See :class:`MaskFilter`.
        """
        if mask_filter is None:
            try:
                return cls(thr=mask_score_thr, soft=mask_score_power)
            except InputError as error:
                raise InputError(
                    f'mask_score_thr={mask_score_thr!r} must be in [0, 1], '
                    f'mask_score_power={mask_score_power!r} must not be '
                    'negative.') from error
        try:
            return cls(**mask_filter)
        except TypeError as error:
            raise InputError(
                f'mask_filter={mask_filter}: {error}. It is a dict that '
                'may have key, thr, keep_share and soft.') from error

    def __str__(self) -> str:
        rule = f'{self.key} >= {self.thr}'
        if self.keep_share is not None:
            best = (f'the best {100 * self.keep_share:g} % of each class by '
                    f'{self.key}')
            rule = best + (f', {rule}' if self.thr else '')
        return rule + (f', weight {self.key}^{self.soft:g}'
                       if self.soft else '')

    @property
    def remedy(self) -> str:
        """What to do if no mask is used."""
        if self.keep_share == 0:
            return 'Set its `keep_share` above 0.'
        if self.thr > 0:
            return 'Lower its `thr`.'
        return f'Every `{self.key}` is 0: use another `key`, or other masks.'

    def weigh(self, annotations: Sequence[dict], path: str) -> np.ndarray:
        """Weigh the n masks of a proxy file.

        Args:
            annotations (Sequence[dict]): Annotations with masks (RLE) that
                have the score or a ``mask_weight``. ``keep_share`` is a share
                of them.
            path (str): The file, for messages.

        Returns:
            np.ndarray: Weights in [0, 1], 0 if not used, has shape (n, ).

        Raises:
            InputError: A mask has neither the score nor a ``mask_weight``.
        """
        weights = np.array(
            [ann.get('mask_weight', np.nan) for ann in annotations],
            np.float64)
        # NaN: no weight in the file, so the score decides.
        is_open = np.isnan(weights)
        weights[is_open] = self._weigh_scores(
            [ann for ann in annotations if 'mask_weight' not in ann], path)
        # Scores of empty masks are 0, but weights may be higher.
        for i in np.flatnonzero(~is_open & (weights > 0)):
            if not mask_utils.area(annotations[i]['segmentation']):
                weights[i] = 0
        return weights

    def _weigh_scores(self, annotations: Sequence[dict],
                      path: str) -> np.ndarray:
        missing = self.missing(annotations)
        if missing:
            raise InputError(
                f'{path}: {len(missing)} of {len(annotations)} masks have no '
                f'`{self.key}`: annotation {first_few(missing)}. Label the '
                'boxes again with tools/label.py, or use another `key`, or no '
                '`mask_filter` if they are true masks.')
        scores = np.array([ann[self.key] for ann in annotations], np.float64)
        kept = is_kept(scores, self.thr)
        if self.keep_share is not None:
            kept &= self._best(annotations, scores)
        return np.where(kept, scores**self.soft, 0.)

    def missing(self, annotations: Sequence[dict]) -> List[int]:
        """Ids of the masks with neither the score nor a weight."""
        return [
            ann['id'] for ann in annotations
            if self.key not in ann and 'mask_weight' not in ann
        ]

    def _best(self, annotations: Sequence[dict],
              scores: np.ndarray) -> np.ndarray:
        """Whether a mask is in the best share of its class, (n, )."""
        ids = [ann['id'] for ann in annotations]
        _, classes, sizes = np.unique(
            [ann['category_id'] for ann in annotations],
            return_inverse=True,
            return_counts=True)
        order = np.lexsort((ids, -scores, classes))
        rank = np.empty(len(order), dtype=int)
        # The order is grouped by class: subtract the start of each group.
        rank[order] = np.arange(len(order)) - np.repeat(
            np.cumsum(sizes) - sizes, sizes)
        # Round half up. At least one mask, unless the share is 0.
        allowed = np.floor(self.keep_share * sizes + 0.5)
        allowed = np.maximum(allowed, self.keep_share > 0)
        return rank < allowed[classes]
