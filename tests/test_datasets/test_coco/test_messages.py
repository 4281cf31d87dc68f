import pytest

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import entry_name, first_few, raise_problems


@pytest.mark.parametrize('items, text', [
    ([3], '3'),
    ([3, 8], '3, 8'),
    (list(range(5)), '0, 1, 2, 3, 4'),
    (list(range(7)), '0, 1, 2, 3, 4 and 2 more'),
])
def test_first_few(items, text):
    assert first_few(items) == text


def test_number_of_items():
    assert first_few('abc', 2) == 'a, b and 1 more'


@pytest.mark.parametrize('entry, name', [
    (dict(id=17), 17),
    (dict(id=None), None),
    ({}, '[3]'),
    ('text', '[3]'),
])
def test_entry_name(entry, name):
    assert entry_name(entry, 3) == name


def test_all_problems_are_in_one_error():
    problems = {'it is red': [1, 2], 'it is blue': list(range(9))}
    with pytest.raises(InputError) as error:
        raise_problems(problems, 'box', 'f.json')
    assert str(error.value).splitlines() == [
        'f.json cannot be used:', '  it is red: box 1, 2',
        '  it is blue: box 0, 1, 2, 3, 4 and 4 more',
        'Correct or remove every such box.'
    ]


def test_no_problem_raises_nothing():
    assert raise_problems({}, 'box', 'f.json') is None
