import os

import pytest

from mmboxcaseg.datasets.coco import (check_file, file_names, new_folder,
                                      write_atomically)


def test_folder_appears_when_it_is_complete(tmp_path):
    path = str(tmp_path / 'out')
    os.makedirs(path + '.tmp/rest_of_a_killed_run')
    with new_folder(path + '/') as folder:
        assert not os.path.exists(path)
        open(os.path.join(folder, 'a.txt'), 'w').close()
    assert os.listdir(path) == ['a.txt']
    assert os.listdir(tmp_path) == ['out']


def test_nothing_is_left_of_a_failure(tmp_path):
    with pytest.raises(KeyError), new_folder(str(tmp_path / 'out')):
        raise KeyError
    assert os.listdir(tmp_path) == []


def test_text_that_is_no_utf_8(tmp_path):
    """A name in Latin-1, as Python reads it from a folder."""
    name = os.fsdecode('für'.encode('latin-1'))
    with pytest.raises(ValueError, match=r"a.txt: .*'of f\\udcfcr'. .*rename"):
        write_atomically(str(tmp_path / 'a.txt'), ['begin ', f'of {name}'])
    assert os.listdir(tmp_path) == []


def test_folder_that_exists_is_kept(tmp_path):
    with pytest.raises(ValueError, match='exists.*another name'):
        with new_folder(str(tmp_path)):
            pass


def names(*files: str) -> dict:
    images = [dict(id=i, file_name=name) for i, name in enumerate(files)]
    return file_names(images, '.json', 'boxes.json')


def test_file_names():
    assert names('a.b.jpg', './x/../y/c', '..b.jpg', '...') == {
        0: 'a.b.json',
        1: 'y/c.json',
        2: '..b.json',
        3: '....json'
    }


@pytest.mark.parametrize('files, problem', [
    (('a.jpg', 'b.jpg', 'a.png'), 'only in the suffix: image 0, 2'),
    (('a.jpg', '/etc/b.jpg'), 'leads out of .*: image 1'),
    (('x/../../a.jpg', ), 'leads out of .*: image 0'),
    (('../..b.jpg', ), 'leads out of .*: image 0'),
])
def test_names_that_cannot_be(files, problem):
    with pytest.raises(ValueError, match=problem) as error:
        names(*files)
    assert 'boxes.json' in str(error.value)


def test_addresses_are_not_checked():
    check_file('https://host/weights.pth', 'checkpoint')
