import pytest

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (check_class_order, check_names,
                                      repeated_names)


def categories(*names: str) -> list:
    return [dict(id=10 * i, name=name) for i, name in enumerate(names, 1)]


def test_repeated_names():
    assert repeated_names(categories('a', 'b', 'a', 'c',
                                     'a')) == dict(a=[10, 30, 50])
    assert repeated_names(categories('a', 'b')) == {}


def test_repeated_name_is_refused_with_its_ids():
    with pytest.raises(InputError, match=r"f.json: .*'a' \(ids 10, 30\)"):
        check_names(categories('a', 'b', 'a'), 'f.json')


@pytest.mark.parametrize('classes', [['a', 'b', 'c'], ['a', 'c'], ('b', )])
def test_classes_in_the_order_of_the_file(classes):
    check_class_order(categories('a', 'b', 'c'), classes, 'f.json')


@pytest.mark.parametrize('classes', [['b', 'a'], ['a', 'd'], ['d']])
def test_other_order_or_missing_class(classes):
    with pytest.raises(InputError, match='f.json') as error:
        check_class_order(categories('a', 'b', 'c'), classes, 'f.json')
    assert str(classes) in str(error.value)
    assert "['a', 'b', 'c']" in str(error.value)


def test_order_of_repeated_classes_is_not_judged():
    with pytest.raises(InputError, match='several categories'):
        check_class_order(categories('a', 'a'), ['a'], 'f.json')
