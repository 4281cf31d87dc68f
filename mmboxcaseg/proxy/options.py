"""Command line options: how masks are merged, scored and dropped."""
import argparse
from typing import List, Optional

from mmboxcaseg.datasets.coco import MaskFilter
from mmboxcaseg.structures.merging import MERGE_RULES
from mmboxcaseg.structures.scores import SCORES
from .polygons import DEFAULT_TOLERANCE


def score(text: str) -> float:
    """Read a score from the command line."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not in [0, 1]')
    return value


def pixels(text: str) -> float:
    """Read a tolerance in pixels from the command line."""
    value = float(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f'{text} is negative')
    return value


def add_filter_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which masks count as dropped."""
    parser.add_argument(
        '--threshold',
        type=score,
        help='masks with a lower score count as dropped (default: 0.95; 0 '
        'with --score expected_iou or --keep-share)')
    parser.add_argument(
        '--score',
        choices=SCORES,
        default=SCORES[0],
        help='the score that is compared, default: %(default)s')
    parser.add_argument(
        '--keep-share',
        type=score,
        metavar='SHARE',
        help='of each class, keep only this share of the masks, the ones with '
        'the highest scores')


def mask_filter(args: argparse.Namespace) -> MaskFilter:
    """Build the filter from these options."""
    threshold = args.threshold
    if threshold is None:
        # 0.95 of the paper is meant for `mask_score` alone.
        other = args.score != SCORES[0] or args.keep_share is not None
        threshold = 0. if other else 0.95
    return MaskFilter(args.score, threshold, args.keep_share)


def filter_arguments(rule: MaskFilter) -> List[str]:
    """Write a filter as these options, without ``soft``."""
    words = ['--threshold', str(rule.thr)]
    if rule.key != SCORES[0]:
        words += ['--score', rule.key]
    if rule.keep_share is not None:
        words += ['--keep-share', str(rule.keep_share)]
    return words


def add_merge_options(parser: argparse.ArgumentParser,
                      has_probability: bool = False,
                      default: Optional[str] = 'box') -> None:
    """Add ``--merge-by``, ``--no-merge`` and ``--truncate``.

    The last of ``--merge-by`` and ``--no-merge`` counts.

    Args:
        parser (argparse.ArgumentParser): The parser.
        has_probability (bool): Whether a labeller predicts the masks, so that
            probabilities are known. Defaults to False.
        default (str, optional): Default of the merge rule; None: no merging.
    """
    rules = {
        name: text
        for name, text in MERGE_RULES.items()
        if has_probability or name != 'probability'
    }
    parser.add_argument(
        '--merge-by',
        choices=rules,
        default=default,
        help=f'where masks overlap (default: {default or "not merged"}). ' +
        '; '.join(f'{name}: {text}' for name, text in rules.items()))
    parser.add_argument(
        '--no-merge',
        dest='merge_by',
        action='store_const',
        const=None,
        help='leave overlapping masks as they are predicted; of this and '
        '--merge-by, the last one counts')

    parser.add_argument(
        '--truncate',
        action='store_true',
        help="drop the fractions of boxes, as the authors' code does, "
        'instead of rounding boxes outward')


def add_mask_options(parser: argparse.ArgumentParser,
                     has_probability: bool = False) -> None:
    """Add the options of every program that writes a proxy file.

    Args:
        parser, has_probability: See :func:`add_merge_options`.
    """
    add_merge_options(parser, has_probability)
    parser.add_argument(
        '--off-by-one',
        action='store_true',
        help="score as the authors' code does: a perfect mask of h x w "
        'pixels gets hw / ((h + 1) (w + 1))')
    parser.add_argument(
        '--mask-weight-thr',
        type=score,
        metavar='SCORE',
        help='write `mask_weight` 0 for masks with a lower score, so that '
        'mask heads ignore them whatever their `mask_score_thr` is')
    add_polygon_option(parser)


def add_polygon_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--polygons``, see :func:`mask_to_polygons`."""
    parser.add_argument(
        '--polygons',
        type=pixels,
        nargs='?',
        const=DEFAULT_TOLERANCE,
        metavar='PIXELS',
        help='write polygons, for programs that do not read RLE. Holes are '
        'filled, and outlines are simplified by at most PIXELS (default: '
        f'{DEFAULT_TOLERANCE})')


def record_options(args: argparse.Namespace) -> dict:
    """Convert the options to arguments of :func:`make_records`."""
    options = dict(merge_by=args.merge_by, off_by_one=args.off_by_one)
    if args.mask_weight_thr is not None:
        options['mask_weight_thr'] = args.mask_weight_thr
    return options
