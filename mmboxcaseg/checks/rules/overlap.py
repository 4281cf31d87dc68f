from typing import Iterator

from ..checked_source import CheckedSource
from ..findings import WARNING, Case, data_check
from ..images import place_of


@data_check(('overlap', WARNING,
             'an image for validation or test is also used for training',
             'remove it from one of the two'),
            salient=True)
def check_overlap(one: CheckedSource) -> Iterator[Case]:
    """Images that are used for both training and evaluation."""
    for task, facts in one.images() if one.is_tested else []:
        same_file = one.trained.get(place_of(task))
        other = same_file or one.trained.get(facts.digest)
        if other:
            how = 'the same file' if same_file else f'same pixels: {other}'
            yield 'overlap', f'{task[0]} ({how})'
