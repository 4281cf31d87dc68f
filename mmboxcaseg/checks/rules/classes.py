from collections import Counter
from typing import Iterator, List, Tuple

from mmboxcaseg.datasets.coco import repeated_names
from ..checked_source import CheckedSource
from ..findings import ERROR, NOTE, Case, data_check


def class_numbers(model: dict, where: str) -> List[Tuple[str, int]]:
    """Find ``num_classes`` of all heads of a model.

    Args:
        model (dict): Config of the model, or of a part of it.
        where (str): Its name in the config.

    Returns:
        list[tuple]: Name and number of classes of each head.
    """
    numbers = []
    for key, value in model.items():
        is_list = isinstance(value, list)
        for i, part in enumerate(value if is_list else [value]):
            # `num_classes` of a backbone belongs to its own classifier.
            if not isinstance(part, dict) or 'backbone' in key:
                continue
            name = f'{where}.{key}.{i}' if is_list else f'{where}.{key}'
            if 'head' in key and 'num_classes' in part:
                numbers.append((name, part['num_classes']))
            numbers += class_numbers(part, name)
    return numbers


@data_check(
    ('class-missing', ERROR, 'a class of the config is not in the file',
     'correct `metainfo.classes`'),
    ('class-repeated', ERROR, 'several categories have the same name',
     'give every class one category'),
    ('class-order', ERROR,
     'the classes of the file have another order than in the config; '
     'mmdet numbers them in the order of the file',
     'write `metainfo.classes` in the order of the file'),
    ('class-unused', NOTE,
     'a class of the file is not in the config; its boxes are left '
     'out', 'add it to `metainfo.classes` if it is to be used'),
    ('class-empty', NOTE, 'a class has no box', 'nothing, or add boxes'))
def check_classes(one: CheckedSource) -> Iterator[Case]:
    """Classes of config and file."""
    categories, classes = one.coco.categories, one.classes
    names = [cat['name'] for cat in categories]
    boxes = Counter(ann['category_id'] for ann in one.coco.annotations)
    used = Counter({cat['name']: boxes[cat['id']] for cat in categories})
    for name, ids in repeated_names(categories).items():
        yield 'class-repeated', f'{name} (ids {", ".join(map(str, ids))})'
    for name in dict.fromkeys(names):
        if name not in classes:
            yield 'class-unused', f'{name} ({used[name]} boxes)'
    for name in classes:
        if name not in names:
            yield 'class-missing', name
        elif not used[name]:
            yield 'class-empty', name
    order = [name for name in names if name in classes]
    expected = [name for name in classes if name in names]
    if one.is_detection and order != expected:
        yield 'class-order', f'the file: {order}'


@data_check(('class-number', ERROR,
             '`num_classes` of the model is not the number of classes',
             'correct `num_classes`, or `metainfo.classes`'))
def check_heads(one: CheckedSource) -> Iterator[Case]:
    """Heads of a detector and classes of its training set."""
    if one.is_detection and one.is_trained:
        wanted = len(one.dataset.metainfo.get('classes', ()))
        for name, number in class_numbers(one.model, 'model'):
            if number != wanted:
                example = f'{name}.num_classes={number}, {wanted} classes'
                yield 'class-number', example
