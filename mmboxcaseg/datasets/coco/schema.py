"""The format of COCO files of boxes and of proxy files.

schema.json defines it, see docs/proxy_file.md. This module also checks what
a schema cannot express: unique ids, references, sizes of masks.
"""
import json
import math
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import fastjsonschema
import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.structures import run_lengths
from .classes import check_names
from .messages import entry_name, raise_problems

SCHEMA_FILE = Path(__file__).with_name('schema.json')
# Largest coordinate of a polygon, in pixels: larger polygons would fill the
# memory when they are rasterized.
FARTHEST = 1e6
# What an entry of each list of a COCO file is called.
LISTS = dict(image='images', annotation='annotations', category='categories')


def schema_problem(entry: object, kind: str) -> Optional[str]:
    """Find the first problem of a part of a file, if any.

    Args:
        entry (object): The part, as read from JSON.
        kind (str): Its name under ``definitions`` of schema.json.

    Returns:
        str, optional: What is wrong, for a list of problems.
    """
    try:
        _validator(kind)(entry)
    except fastjsonschema.JsonSchemaValueException as error:
        return _describe(error, entry, kind)
    return None


def segmentation_problem(segmentation: object, img: dict) -> Optional[str]:
    """Find the problem of form or size of a mask, if any.

    Args:
        segmentation (object): ``segmentation`` of an annotation, as read from
            JSON.
        img (dict): The image, with ``height`` and ``width`` in pixels.

    Returns:
        str, optional: What is wrong, for a list of problems.
    """
    problem = schema_problem(segmentation, 'mask')
    if problem:
        return problem
    size = [img['height'], img['width']]
    problem = _misfit(segmentation, size)
    if problem or isinstance(segmentation, list):
        return problem
    counts = segmentation['counts']
    if isinstance(counts, str):
        try:
            counts = run_lengths(counts)
        except InputError:
            return 'its `counts` cannot be decoded'
    if np.any(np.less(counts, 0)) or np.sum(counts) != math.prod(size):
        return 'its `counts` do not sum up to the pixels of its image'
    return None


def _misfit(mask: object, size: List[int]) -> Optional[str]:
    """Why a well-formed mask does not fit an image of this size."""
    if isinstance(mask, list):
        if any(len(polygon) % 2 for polygon in mask):
            return 'a polygon has an odd number of coordinates'
        # Comparisons with NaN are False, so NaN does not fit either.
        fits = all((np.abs(polygon) <= FARTHEST).all() for polygon in mask)
        return None if fits else 'a polygon has a point far outside its image'
    fits = mask['size'] == size
    return None if fits else (
        '`size` of its RLE is not [height, width] of its image')


def check_entries(entries: Sequence[object], definition: str, kind: str,
                  path: str) -> None:
    """Check the entries of a list; they are named by their positions.

    Args:
        entries (Sequence[object]): The list, as read from JSON.
        definition (str): A key of ``definitions`` in schema.json.
        kind (str): What an entry is called in the message.
        path (str): The file, for the message.

    Raises:
        InputError: Entries do not have the form.
    """
    problems = defaultdict(list)
    for i, entry in enumerate(entries):
        problem = schema_problem(entry, definition)
        if problem:
            problems[problem].append(f'[{i}]')
    raise_problems(problems, kind, path)


def check_coco(data: dict, path: str) -> None:
    """Check a COCO file of boxes, with or without proxy masks.

    Args:
        data (dict): Its content.
        path (str): The file, for the message.

    Raises:
        InputError: See :func:`load_coco`.
    """
    problem = list_problem(data)
    if problem:
        raise InputError(f'{path} {problem}')
    for kind, problems in entry_problems(data):
        entries = data[LISTS[kind]]
        raise_problems(
            {
                text: [entry_name(entries[i], i) for i in positions]
                for text, positions in problems.items()
            }, kind, path)
    check_names(data['categories'], path)


def list_problem(data: object) -> Optional[str]:
    """Check that a COCO file has its lists; their entries may be broken.

    Args:
        data (object): Content of the file, as read from JSON.

    Returns:
        str, optional: What is wrong, and the fix. The caller puts the name of
        the file in front of it.
    """
    if not isinstance(data, dict):
        return ('is not a COCO file: it must be a JSON object with `images`, '
                '`annotations` and `categories`.')
    for key in LISTS.values():
        if isinstance(data.get(key), dict):
            return (f'has an object `{key}`, but it must be a list: '
                    f'"{key}": [{{...}}, {{...}}].')
    missing = [
        key for key in LISTS.values()
        if not (isinstance(data.get(key), list) and data[key])
    ]
    if missing:
        return (f'has no {" and no ".join(missing)}. A COCO file needs '
                'non-empty lists `images`, `annotations` (each with `bbox`) '
                'and `categories`.')
    problem = schema_problem(data.get('info'), 'info')
    return problem and f'has a bad `info`: {problem}. Correct or remove it.'


def entry_problems(data: dict) -> Iterator[Tuple[str, Dict[str, List[int]]]]:
    """Find the broken entries of a COCO file.

    Args:
        data (dict): Content of a file without a :func:`list_problem`.

    Yields:
        tuple: 'image', 'category' and 'annotation' in turn, and positions of
        the broken entries by problem. Annotations must refer to good entries.
    """
    good = {}
    for kind in ('image', 'category'):
        entries = data[LISTS[kind]]
        problems = _list_problems(entries, kind)
        yield kind, problems
        broken = {i for positions in problems.values() for i in positions}
        good[kind] = [e for i, e in enumerate(entries) if i not in broken]
    sizes = {img['id']: [img['height'], img['width']] for img in good['image']}
    categories = {cat['id'] for cat in good['category']}

    def misfit(ann: dict) -> Optional[str]:
        """Why a well-formed annotation does not fit its file."""
        if ann['image_id'] not in sizes:
            return 'its image_id is not in `images`'
        if ann['category_id'] not in categories:
            return 'its category_id is not in `categories` (unknown class)'
        # Other masks are checked where they are used.
        mask = ann['segmentation'] if 'mask_score' in ann else []
        return _misfit(mask, sizes[ann['image_id']])

    yield 'annotation', _list_problems(data['annotations'], 'annotation',
                                       misfit)


def _list_problems(
    entries: List[dict],
    kind: str,
    misfit: Callable[[dict], Optional[str]] = lambda entry: None
) -> Dict[str, List[int]]:
    """Check a list; ``misfit`` says why a well-formed entry is wrong."""
    problems, ids = defaultdict(list), set()
    for number, entry in enumerate(entries):
        problem = schema_problem(entry, kind)
        if not problem:
            problem = misfit(entry)
            if entry['id'] in ids:
                problem = 'its `id` is not unique'
            ids.add(entry['id'])
        if problem:
            problems[problem].append(number)
    return problems


@lru_cache(maxsize=None)
def _definition(kind: str) -> dict:
    """One definition of schema.json, with all others, for its references."""
    definitions = json.loads(SCHEMA_FILE.read_text('utf-8'))['definitions']
    return dict(definitions[kind], definitions=definitions)


@lru_cache(maxsize=None)
def _validator(kind: str) -> Callable:
    # Compiled to Python code only once: a file may have a million annotations.
    return fastjsonschema.compile(_definition(kind))


def _describe(error: fastjsonschema.JsonSchemaValueException, entry: object,
              kind: str) -> str:
    # path[0] is 'data', the entry itself.
    if len(error.path) > 1:
        key = error.path[1]
        wanted = _definition(kind)['properties'][key]['description']
        return f'`{key}` is not {wanted}'
    if error.rule == 'required':
        missing = [key for key in error.rule_definition if key not in entry]
        return 'it has no ' + ' and no '.join(f'`{key}`' for key in missing)
    if error.rule == 'dependencies':
        return ('`mask_score`, `mask_source` and `segmentation` are needed '
                'together, but one is missing')
    wanted = _definition(kind).get('description', 'a JSON object')
    return f'it is not {wanted}'
