"""Functions for all converters: options, reading, lists of skipped items."""
import argparse
from functools import partial
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from mmboxcaseg import InputError, track
from mmboxcaseg.datasets.coco import (LISTS, CocoBoxes, check_file,
                                      entry_problems, first_few, list_problem,
                                      load_coco, load_json, read_polygons)
from mmboxcaseg.proxy import check_masks
from mmboxcaseg.proxy.corrections import write_corrected
from mmboxcaseg.proxy.options import DEFAULT_TOLERANCE, pixels
from mmboxcaseg.utils.cli import at_least, run_parallel

# Names of images or objects, by what happened to them and why.
Notes = Dict[str, List[str]]
CUT_SHORT = 'images are cut short; their missing pixels are grey'
NO_AREA = 'left out: box without area, with swapped corners, NaN or infinite'
OUTSIDE = 'left out: box outside its image'
CLIPPED = 'clipped: box that leaves its image'


def make_parser(text: str,
                skip_broken: bool = True,
                nproc: bool = True) -> argparse.ArgumentParser:
    """Make a parser with the options that converters share."""
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    if skip_broken:
        text = 'skip inputs that cannot be read, and list them (default: stop)'
        parser.add_argument('--skip-broken', action='store_true', help=text)
    if nproc:
        text = 'number of processes (default: %(default)s)'
        parser.add_argument('--nproc', type=at_least(1), default=2, help=text)
    return parser


def add_tolerance(parser: argparse.ArgumentParser) -> None:
    """Add ``--tolerance``, see :func:`mask_to_polygons`."""
    text = ('simplify outlines by at most this distance in pixels (default: '
            f'{DEFAULT_TOLERANCE})')
    parser.add_argument(
        '--tolerance', type=pixels, default=DEFAULT_TOLERANCE, help=text)


def print_notes(notes: Notes, prefix: str = '') -> None:
    """Print how many items were left out or changed, why, and the first."""
    for text, names in notes.items():
        if names:
            print(f'{prefix}{len(names)} {text}: {first_few(names)}')


def _attempt(read: Callable, task: object) -> Tuple[object, Optional[str]]:
    """Call a function; return its result, or None and the error message."""
    try:
        return read(task), None
    except (InputError, OSError) as error:
        return None, str(error)


def read_all(read: Callable, tasks: Dict[str, object],
             args: argparse.Namespace) -> Dict[str, object]:
    """Call a function for every task, in ``args.nproc`` processes.

    Without that option, it is called in this process. The function raises
    InputError or OSError if an input cannot be read. Returns the results by
    task, without skipped tasks, see :func:`check_broken`.
    """
    call, values = partial(_attempt, read), list(tasks.values())
    if 'nproc' in args and tasks:
        results = run_parallel(call, values, args.nproc)
    else:
        results = map(call, track(values))
    done = dict(zip(tasks, results))
    broken = {name: error for name, (_, error) in done.items() if error}
    check_broken(broken, len(tasks), args.skip_broken)
    return {name: done[name][0] for name in done if name not in broken}


def check_broken(broken: Dict[str, str],
                 total: int,
                 skip: bool,
                 what: str = 'files') -> None:
    """Print what is wrong, by name; raise InputError unless ``skip``."""
    lines = [f'  {name}: {error}' for name, error in broken.items()]
    if lines and not skip:
        raise InputError(
            f'{len(lines)} of {total} {what} cannot be used. Correct or '
            'remove them, or skip them with --skip-broken. The first ones:\n' +
            '\n'.join(lines[:5]))
    if lines:
        print(f'{len(lines)} of {total} {what} left out, they cannot be used:')
        print('\n'.join(lines))


def read_corrected(read: Callable, tasks: Dict[str, int], notes: Notes,
                   args: argparse.Namespace) -> Dict[int, List[dict]]:
    """Read the corrected masks of images; print what was not used.

    Args:
        read (Callable): Takes an image id; returns the records of the masks,
            and ``ignored`` of :class:`DrawnMasks`.
        tasks (dict[str, int]): Image ids by name.
        notes (dict[str, list[str]]): Further notes, printed first.
        args (argparse.Namespace): See :func:`read_all`.

    Returns:
        dict[int, list[dict]]: The records by image id.
    """
    results = read_all(read, tasks, args)
    notes = dict(notes)
    for _, ignored in results.values():
        for text, shapes in ignored.items():
            notes[text] = notes.get(text, []) + shapes
    print_notes(notes)
    return {tasks[name]: records for name, (records, _) in results.items()}


def read_proxy(path: str) -> CocoBoxes:
    """Read a proxy file to export or correct its masks."""
    check_file(path, 'proxy file')
    coco = CocoBoxes(path, img_prefix=None)
    check_masks(coco.data['annotations'], path)
    return coco


def correct_masks(args: argparse.Namespace, read: Callable) -> None:
    """Write a proxy file with corrected masks, and print their number.

    Args:
        args (argparse.Namespace): With ``proxy`` and ``out``, the files.
        read (Callable): Takes the content of the proxy file and ``args``;
            returns the result of :func:`read_corrected`.
    """
    coco = read_proxy(args.proxy)
    written, emptied = write_corrected(args.out, coco, read(coco, args))
    print(f'{args.out}: {written} masks corrected, of which {emptied} were '
          'emptied')


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
        broken = {i: text for text, found in problems.items() for i in found}
        names = {f'[{i}]': text for i, text in broken.items()}
        check_broken(names, len(data[key]), skip_broken, key)
        data[key] = [v for i, v in enumerate(data[key]) if i not in broken]
    read_polygons(data)
    return data


def clip_box(box: Sequence[float], width: int, height: int) \
        -> Tuple[Optional[List[float]], str]:
    """Clip a box (xyxy, in pixels) to its image.

    Returns:
        tuple: The box, or None if nothing is left; and NO_AREA, OUTSIDE,
        CLIPPED, or '' if it did not change. Boxes are compared with a
        precision of 0.01 pixels.
    """
    if not (np.isfinite(box).all() and box[0] < box[2] and box[1] < box[3]):
        return None, NO_AREA
    clipped = np.clip(box, 0, [width, height, width, height])
    if (clipped[:2] >= clipped[2:]).any():
        return None, OUTSIDE
    # Boxes are written with two digits, which must not make them empty.
    rounded = clipped.round(2)
    if (rounded[:2] == rounded[2:]).any():
        return None, NO_AREA
    changed = (rounded != np.round(box, 2)).any()
    return clipped.tolist(), CLIPPED if changed else ''
