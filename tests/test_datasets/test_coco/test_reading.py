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
        load_json(path, for_mmdet=True)


def test_numbers_that_json_does_not_have(tmp_path):
    path = write(tmp_path / 'a.json', json.dumps([math.nan, math.inf, 1]))
    assert load_json(path) == ['NaN', 'Infinity', 1]


def test_coco_files_are_checked(tiny_coco):
    assert len(load_coco(tiny_coco()['ann_file'])['images']) == 3
    path = tiny_coco(lambda d: d['annotations'][0].pop('bbox'))['ann_file']
    with pytest.raises(InputError, match='no `bbox`: annotation 11'):
        load_coco(path)


def test_images_of_lvis_are_named(tiny_coco):
    url = 'http://images.cocodataset.org/train2017/{}.jpg'

    def edit(data):
        for img in data['images']:
            del img['file_name']
            img['coco_url'] = url.format(img['id'])

    path = tiny_coco(edit)['ann_file']
    for img in load_coco(path)['images']:
        assert img['file_name'] == f'train2017/{img["id"]}.jpg'
    # mmdet's CocoDataset does not know this.
    images = load_json(path, for_mmdet=True)['images']
    assert not any('file_name' in img for img in images)


def test_sizes_as_pandas_writes_them(tiny_coco):
    path = tiny_coco(lambda d: d['images'][0].update(height=40.0))['ann_file']
    assert isinstance(load_coco(path)['images'][0]['height'], int)
    path = tiny_coco(lambda d: d['images'][0].update(height=40.5))['ann_file']
    with pytest.raises(InputError, match='`height` is not a whole number'):
        load_coco(path)


def test_other_images_keep_their_names(tiny_coco):

    def edit(data):
        data['images'][0]['coco_url'] = 'http://images.cocodataset.org/x.jpg'
        data['images'][1]['coco_url'] = 3

    path = tiny_coco(edit)['ann_file']
    names = [img['file_name'] for img in load_coco(path)['images']]
    plain = load_coco(tiny_coco()['ann_file'])['images']
    assert names == [img['file_name'] for img in plain]
