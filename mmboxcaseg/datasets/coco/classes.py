"""Classes of a COCO file: unique names, in the order of the file."""
from collections import defaultdict
from typing import Dict, List, Sequence

from mmboxcaseg import InputError


def check_class_list(classes: object) -> None:
    """Check that ``metainfo.classes`` is a list of names, not a string.

    Raises:
        InputError: It is a string: ('ship') instead of ('ship', ). Its
            letters would be used as classes.
    """
    if isinstance(classes, str):
        raise InputError(
            f'`metainfo.classes` is the string {classes!r}, not a list of '
            'names. A tuple of one name needs a comma: '
            f'classes=({classes!r}, ).')


def repeated_names(categories: Sequence[dict]) -> Dict[str, List[int]]:
    """Map each repeated category name of a COCO file to its ids."""
    ids = defaultdict(list)
    for cat in categories:
        ids[cat['name']].append(cat['id'])
    return {name: group for name, group in ids.items() if len(group) > 1}


def check_names(categories: Sequence[dict], path: str) -> None:
    """Check that every class has one category.

    Args:
        categories (Sequence[dict]): ``categories`` of a COCO file.
        path (str): The file, for the message.

    Raises:
        InputError: Two categories have the same name.
    """
    repeated = repeated_names(categories)
    if repeated:
        names = '; '.join(f'{name!r} (ids {", ".join(map(str, ids))})'
                          for name, ids in repeated.items())
        raise InputError(
            f'{path}: several categories have the same name: {names}. Give '
            'every class one category: change `category_id` of the '
            'annotations to one of these ids, or rename a category.')


def check_class_order(categories: Sequence[dict], classes: Sequence[str],
                      path: str) -> None:
    """Check that labels mean the same class in a config and in a COCO file.

    mmdet numbers the classes in the order of the file, whatever the order in
    the config, and silently leaves out classes that the file does not have.

    Args:
        categories (Sequence[dict]): ``categories`` of the COCO file.
        classes (Sequence[str]): Classes of the config, by label.
        path (str): The file, for the message.

    Raises:
        InputError: A class is missing, the order differs, or the classes of
            config or file are not usable.
    """
    check_class_list(classes)
    check_names(categories, path)
    names = [cat['name'] for cat in categories]
    if [name for name in names if name in classes] != list(classes):
        raise InputError(
            'Labels follow the order of the classes in the file, but the '
            f'classes of the config are not in {path}, or are in another '
            f'order. Config: {list(classes)}; file: {names}. Write '
            "`metainfo.classes` of the data set in the file's order.")
