"""What the converters share: options, reading, lists of what is left out."""
import argparse
from functools import partial
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (LISTS, entry_problems, first_few,
                                      list_problem, load_coco, load_json)
from mmboxcaseg.utils.cli import run_parallel

# Names of images or objects, by what was done to them and why.
Notes = Dict[str, List[str]]
CUT_SHORT = 'images are cut short, missing pixels are grey'
NO_AREA = 'left out: box without area, with swapped corners, NaN or infinite'
OUTSIDE = 'left out: box outside its image'
CLIPPED = 'clipped: box that leaves its image'


def make_parser(description: str, nproc: bool = True) \
        -> argparse.ArgumentParser:
    """Make a parser with the options that all converters have."""
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--skip-broken',
        action='store_true',
        help='leave out what cannot be read, and list it (default: stop)')
    if nproc:
        parser.add_argument(
            '--nproc',
            type=int,
            default=2,
            help='number of processes (default: %(default)s)')
    return parser


def print_notes(notes: Notes, prefix: str = '') -> None:
    """Print how many things were left out or changed, why, and the first."""
    for text, names in notes.items():
        if names:
            print(f'{prefix}{len(names)} {text}: {first_few(names)}')


def attempt(read: Callable, task: object) -> Tuple[object, Optional[str]]:
    """Call a function; returns its result, or None and its complaint."""
    try:
        return read(task), None
    except (InputError, OSError) as error:
        return None, str(error)


def read_all(read: Callable, tasks: Sequence, names: Sequence[str],
             args: argparse.Namespace) -> list:
    """Call a function for every task, in ``args.nproc`` processes.

    The function raises InputError or OSError for what cannot be read. Its
    result is None for tasks that were left out, see :func:`check_broken`.
    """
    if not tasks:
        return []
    results = run_parallel(partial(attempt, read), tasks, args.nproc)
    broken = {name: error for name, (_, error) in zip(names, results) if error}
    check_broken(broken, len(tasks), args.skip_broken)
    return [result for result, _ in results]


def check_broken(broken: Dict[str, str],
                 total: int,
                 skip_broken: bool,
                 what: str = 'files') -> None:
    """List what is wrong by name; an InputError without ``skip_broken``."""
    lines = [f'  {name}: {error}' for name, error in broken.items()]
    if lines and not skip_broken:
        raise InputError(
            f'{len(lines)} of {total} {what} cannot be used. Correct or '
            'remove them, or leave them out with --skip-broken. First of '
            'them:\n' + '\n'.join(lines[:5]))
    if lines:
        print(f'{len(lines)} of {total} {what} left out, they cannot be used:')
        print('\n'.join(lines))


def read_coco(path: str, skip_broken: bool) -> dict:
    """Read a COCO file; ``skip_broken`` leaves out broken entries.

    Annotations of broken images and categories count as broken.
    """
    if not skip_broken:
        return load_coco(path)
    data = load_json(path)
    problem = list_problem(data)
    if problem:
        raise InputError(f'{path} {problem}')
    for kind, problems in list(entry_problems(data)):
        key = LISTS[kind]
        drop = {i for positions in problems.values() for i in positions}
        broken = {f'[{i}]': text for text, positions in problems.items()
                  for i in positions}  # yapf: disable
        check_broken(broken, len(data[key]), skip_broken, key)
        data[key] = [v for i, v in enumerate(data[key]) if i not in drop]
    return data


def clip_box(box: Sequence[float], width: int, height: int) \
        -> Tuple[Optional[List[float]], str]:
    """Clip a box to its image.

    Args:
        box (Sequence[float]): Box in pixels, xyxy.
        width (int): Width of the image.
        height (int): Height of the image.

    Returns:
        tuple: The box, None if nothing of it is left; and NO_AREA, OUTSIDE,
        CLIPPED or '', if nothing was changed. Hundredths of a pixel count.
    """
    finite = np.isfinite(box).all()
    if not (finite and box[0] < box[2] and box[1] < box[3]):
        return None, NO_AREA
    clipped = np.clip(box, 0, [width, height, width, height])
    if not (clipped[0] < clipped[2] and clipped[1] < clipped[3]):
        return None, OUTSIDE
    x0, y0, x1, y1 = clipped.round(2)
    if x0 == x1 or y0 == y1:
        return None, NO_AREA
    changed = (clipped.round(2) != np.round(box, 2)).any()
    return clipped.tolist(), CLIPPED if changed else ''
