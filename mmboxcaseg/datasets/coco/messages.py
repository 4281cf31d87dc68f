"""Error messages that name the broken entries of a file."""
from typing import Dict, Sequence

from mmboxcaseg import InputError


def first_few(items: Sequence, most: int = 5) -> str:
    """Write the first few of a list, for a message.

    Args:
        items (Sequence): The list.
        most (int): How many to write. Defaults to 5.

    Returns:
        str: For example '3, 8 and 4 more'.
    """
    more = f' and {len(items) - most} more' if len(items) > most else ''
    return ', '.join(map(str, items[:most])) + more


def entry_name(entry: object, position: int) -> object:
    """Name an entry of a list in a message.

    Args:
        entry (object): The entry, as read from JSON.
        position (int): Its position in the list.

    Returns:
        object: Its id; else its position in brackets, for example '[3]'.
    """
    has_id = isinstance(entry, dict) and 'id' in entry
    return entry['id'] if has_id else f'[{position}]'


def raise_problems(problems: Dict[str, list], kind: str, path: str) -> None:
    """Raise one error for all broken entries of a file.

    Args:
        problems (dict[str, list]): Names of the broken entries by problem.
        kind (str): What an entry is called, in the singular.
        path (str): The file.

    Raises:
        InputError: There are problems.
    """
    if problems:
        lines = ''.join(f'  {text}: {kind} {first_few(names)}\n'
                        for text, names in problems.items())
        raise InputError(f'{path} cannot be used:\n{lines}'
                         f'Correct or remove every such {kind}.')
