import numpy as np
import pytest
from torch.utils.data import DataLoader

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import load_coco


class Items:
    """A data set of one item, whose file is broken."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> dict:
        raise InputError('a.json: annotation 3 has no box.\nCorrect it.')


class ChainedItems(Items):

    def __getitem__(self, index: int) -> dict:
        try:
            super().__getitem__(index)
        except InputError as error:
            raise InputError(f'in a loader: {error}') from error


class MissingItems(Items):

    def __getitem__(self, index: int) -> dict:
        return load_coco('no.json')


class Bugs(Items):

    def __getitem__(self, index: int) -> dict:
        return np.ones(2) + np.ones(3)


@pytest.mark.parametrize('num_workers', [0, 1])
@pytest.mark.parametrize('items, message', [
    (Items, 'a.json: annotation 3 has no box.\nCorrect it.'),
    (ChainedItems, 'in a loader: a.json: annotation 3 has no box.\n'
     'Correct it.'),
])
def test_message_from_a_worker_process(items, message, num_workers):
    with pytest.raises(InputError) as error:
        list(DataLoader(items(), num_workers=num_workers))
    assert str(error.value) == message


@pytest.mark.parametrize('num_workers', [0, 1])
def test_bug_in_a_worker_process(num_workers):
    with pytest.raises(ValueError, match='broadcast') as error:
        list(DataLoader(Bugs(), num_workers=num_workers))
    assert not isinstance(error.value, InputError)
