"""How masks are merged and scored, on the command line."""
import argparse
from typing import Optional

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


def add_merge_options(parser: argparse.ArgumentParser,
                      default: Optional[str] = 'box') -> None:
    """Add ``--merge-by``, ``--no-merge`` and ``--truncate``.

    Args:
        parser (argparse.ArgumentParser): The parser to add them to.
        default (str, optional): How masks are merged by default, None: not.
    """
    merging = parser.add_mutually_exclusive_group()
    merging.add_argument(
        '--merge-by',
        choices=['box', 'mask'],
        default=default,
        help='a pixel goes to the object with the smallest box or the '
        f'smallest mask that contains it (default: {default or "no merging"})')
    merging.add_argument(
        '--no-merge',
        dest='merge_by',
        action='store_const',
        const=None,
        help='leave overlapping masks as they are predicted')
    parser.add_argument(
        '--truncate',
        action='store_true',
        help="drop the fractions of boxes, as the authors' code does, "
        'instead of rounding boxes outward')


def add_mask_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every program that writes a proxy file."""
    add_merge_options(parser)
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
    parser.add_argument(
        '--polygons',
        type=pixels,
        nargs='?',
        const=DEFAULT_TOLERANCE,
        metavar='PIXELS',
        help='write polygons, for programs that do not read RLE. Holes are '
        'filled, and points that are less than PIXELS (default: '
        f'{DEFAULT_TOLERANCE}) from the outline without them are left out')


def record_options(args: argparse.Namespace) -> dict:
    """Return what the options say, as arguments of :func:`make_records`."""
    options = dict(merge_by=args.merge_by, off_by_one=args.off_by_one)
    if args.mask_weight_thr is not None:
        options['mask_weight_thr'] = args.mask_weight_thr
    return options
