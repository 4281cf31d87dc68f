import json
import math

import pytest

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import load_coco, load_json


def write(path, text: str, encoding: str = 'utf-8') -> str:
    path.write_text(text, encoding)
    return str(path)


def test_content(tmp_path):
    path = write(tmp_path / 'a.json', '{"name": "Käfer", "x": [1, 2.5]}')
    assert load_json(path) == dict(name='Käfer', x=[1, 2.5])


@pytest.mark.parametrize('text', ['', '{', "{'a': 1}", '[1, 2] 3'])
def test_text_that_is_not_json(tmp_path, text):
    path = write(tmp_path / 'a.json', text)
    with pytest.raises(InputError, match='a.json is not valid JSON'):
        load_json(path)


def test_bytes_that_are_not_text(tmp_path):
    (tmp_path / 'a.json').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(InputError, match='a.json is not valid JSON'):
        load_json(str(tmp_path / 'a.json'))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='a.json does not exist'):
        load_json(str(tmp_path / 'a.json'))


def test_byte_order_mark(tmp_path):
    path = write(tmp_path / 'a.json', '[1]', 'utf-8-sig')
    assert load_json(path) == [1]
    with pytest.raises(InputError, match='byte order mark'):
        load_json(path, may_have_mark=False)


def test_numbers_that_json_does_not_have(tmp_path):
    path = write(tmp_path / 'a.json', json.dumps([math.nan, math.inf, 1]))
    assert load_json(path) == ['NaN', 'Infinity', 1]


def test_coco_files_are_checked(tiny_coco):
    assert len(load_coco(tiny_coco()['ann_file'])['images']) == 3
    path = tiny_coco(lambda d: d['annotations'][0].pop('bbox'))['ann_file']
    with pytest.raises(InputError, match='no `bbox`: annotation 11'):
        load_coco(path)
