import os
from pathlib import Path

import cv2
import pytest

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import CocoBoxes


def read(dataset: dict, classes=None) -> CocoBoxes:
    return CocoBoxes(dataset['ann_file'], dataset['data_prefix']['img'],
                     classes)


def change(**values):
    """An edit of the second annotation, whose id is 5."""

    def edit(data):
        data['annotations'][1].update(values)

    return edit


def remove(key):

    def edit(data):
        del data['annotations'][1][key]

    return edit


def test_annotations_are_sorted_and_grouped(tiny_coco):
    boxes = read(tiny_coco())
    ids = {
        img_id: [ann['id'] for ann in anns]
        for img_id, anns in boxes.annotations.items()
    }
    assert ids == {2: [8], 4: [3], 7: [5, 11]}
    assert list(ids) == [2, 4, 7]
    assert boxes.images[7]['file_name'] == 'a.png'


def test_labels_follow_the_file_or_the_config(tiny_coco):
    dataset = tiny_coco()
    boxes = read(dataset)
    assert boxes.classes == ('cat', 'dog')
    assert boxes.cat2label == {3: 0, 1: 1}
    boxes = read(dataset, ('dog', 'cat'))
    assert boxes.classes == ('dog', 'cat')
    assert boxes.cat2label == {1: 0, 3: 1}


# What is broken, and what the message must say about it.
BROKEN = [
    (remove('bbox'), 'no `bbox`'),
    (change(bbox=None), 'four finite numbers'),
    (change(bbox=[1, 2, 3]), 'four finite numbers'),
    (change(bbox=[1, 2, float('nan'), 4]), 'four finite numbers'),
    (change(bbox=[1, 2, float('inf'), 4]), 'four finite numbers'),
    (change(bbox=[1, 2, '3', 4]), 'four finite numbers'),
    (change(bbox=17), 'four finite numbers'),
    (change(image_id=99), 'image_id is not in `images`'),
    (remove('image_id'), 'no `image_id`'),
    (change(category_id=99), 'unknown class'),
    (remove('category_id'), 'no `category_id`'),
    (change(id=11), '`id` is not unique'),
]


@pytest.mark.parametrize('edit, problem', BROKEN)
def test_broken_annotation(tiny_coco, edit, problem):
    dataset = tiny_coco(edit)
    with pytest.raises(ValueError) as error:
        read(dataset)
    message = str(error.value)
    ann_id = 11 if 'unique' in problem else 5
    assert dataset['ann_file'] in message
    assert f'{problem}' in message
    assert f'annotation {ann_id}' in message
    assert 'Correct or remove every such annotation' in message


def test_annotation_without_id(tiny_coco):
    dataset = tiny_coco(remove('id'))
    with pytest.raises(
            ValueError, match=r'no `id`: annotation \[1\]') as error:
        read(dataset)
    assert dataset['ann_file'] in str(error.value)


def test_every_complaint_is_made_at_once(tiny_coco):

    def edit(data):
        anns = data['annotations']
        for ann in anns[:2]:
            del ann['bbox']
        anns[2]['category_id'] = 99
        anns.extend(dict(anns[3], id=100 + i, image_id=0) for i in range(7))

    with pytest.raises(ValueError) as error:
        read(tiny_coco(edit))
    lines = str(error.value).splitlines()
    assert any('no `bbox`' in line and '11, 5' in line for line in lines)
    assert any('unknown class' in line and '8' in line for line in lines)
    assert any('100, 101, 102, 103, 104 and 2 more' in line for line in lines)


def test_missing_annotation_file(tmp_path):
    path = str(tmp_path / 'no.json')
    with pytest.raises(FileNotFoundError, match='no.json.*Set `ann_file`'):
        CocoBoxes(path, '')


@pytest.mark.parametrize('text', ['', '{"images": [', 'hello', '[]', '17'])
def test_broken_json(tmp_path, text):
    path = tmp_path / 'broken.json'
    path.write_text(text)
    with pytest.raises(ValueError, match='broken.json'):
        CocoBoxes(str(path), '')


@pytest.mark.parametrize('key', ['images', 'annotations', 'categories'])
@pytest.mark.parametrize('edit',
                         [dict.pop, lambda data, key: data[key].clear()])
def test_empty_file(tiny_coco, key, edit):
    dataset = tiny_coco(lambda data: edit(data, key))
    with pytest.raises(ValueError, match=f'has no {key}') as error:
        read(dataset)
    assert dataset['ann_file'] in str(error.value)


@pytest.mark.parametrize('key', ['file_name', 'height', 'width'])
def test_image_record_without(tiny_coco, key):
    dataset = tiny_coco(lambda data: data['images'][1].pop(key))
    with pytest.raises(ValueError, match=f'no `{key}`: image 2') as error:
        read(dataset)
    assert dataset['ann_file'] in str(error.value)


def test_missing_image(tiny_coco):
    dataset = tiny_coco()
    folder = dataset['data_prefix']['img']
    os.remove(os.path.join(folder, 'b.png'))
    with pytest.raises(FileNotFoundError) as error:
        read(dataset)
    message = str(error.value)
    assert '1 of 3 images' in message
    for part in (dataset['ann_file'], folder, 'b.png', 'data_prefix.img'):
        assert part in message


def test_class_of_the_config_is_not_in_the_file(tiny_coco):
    dataset = tiny_coco()
    with pytest.raises(ValueError) as error:
        read(dataset, ('cat', 'bird'))
    message = str(error.value)
    assert "no category named ['bird']" in message
    for part in (dataset['ann_file'], 'dog', 'metainfo.classes'):
        assert part in message


@pytest.mark.parametrize('values, reason', [
    (dict(bbox=[3, 4, 0, 9]), 'box of zero area'),
    (dict(bbox=[3, 4, 9, -1]), 'box of negative width'),
    (dict(bbox=[50, 4, 9, 9]), 'box outside its image'),
    (dict(bbox=[3, -20, 9, 20]), 'box outside its image'),
    (dict(iscrowd=1), 'a crowd'),
    (dict(ignore=1), 'marked `ignore`'),
])
def test_left_out_with_a_count(tiny_coco, log, values, reason):
    dataset = tiny_coco(change(**values))
    boxes = read(dataset)
    assert [ann['id'] for ann in boxes.annotations[7]] == [11]
    message, = [m for m in log.messages if reason in m]
    # The file has a crowd already, number 9.
    expected = '2 of 5' if values.get('iscrowd') else '1 of 5'
    assert f'{dataset["ann_file"]}: {expected} annotations' in message
    assert message.split('annotation ')[-1].startswith('5')


def test_classes_not_in_use_are_left_out(tiny_coco, log):
    boxes = read(tiny_coco(), ('dog', ))
    assert {
        i: len(anns)
        for i, anns in boxes.annotations.items()
    } == {
        4: 1,
        7: 1
    }
    assert any('2 of 5' in m and 'not in use' in m for m in log.messages)


def test_nothing_is_printed_for_a_good_file(tiny_coco, log):
    read(tiny_coco(lambda data: data['annotations'].pop(3)))
    assert not log.messages


def test_no_annotation_left(tiny_coco):

    def edit(data):
        for ann in data['annotations']:
            ann['bbox'][2] = 0

    dataset = tiny_coco(edit)
    with pytest.raises(ValueError, match='no annotation is left') as error:
        read(dataset)
    assert dataset['ann_file'] in str(error.value)
    assert 'zero area' in str(error.value)


@pytest.mark.parametrize('values, count', [
    (dict(rotation=30), 1),
    (dict(angle=-0.5), 1),
    (dict(attributes=dict(occluded=False, rotation=90.)), 1),
    (dict(rotation=0, attributes=dict(rotation=0.)), 0),
    (dict(attributes=['rotation'], rotation='none'), 0),
])
def test_turned_boxes_are_counted(tiny_coco, log, values, count):
    boxes = read(tiny_coco(change(**values)))
    assert [ann['id'] for ann in boxes.annotations[7]] == [5, 11]
    messages = [m for m in log.messages if 'is rotated' in m]
    assert len(messages) == count
    assert all('1 of 5 annotations' in m and m.endswith('annotation 5')
               for m in messages)


def test_classes_written_as_a_text(tiny_coco):
    """('cat') is no tuple."""
    with pytest.raises(InputError, match=r"classes=\('cat', \)"):
        read(tiny_coco(), ('cat'))


@pytest.mark.parametrize('name', ['http://x.org/a.png', 'sub/s3://a.png'])
def test_address_as_file_name(tiny_coco, name):
    dataset = tiny_coco(lambda data: data['images'][1].update(file_name=name))
    with pytest.raises(
            InputError, match='1 file names contain "://"') as error:
        read(dataset)
    assert name in str(error.value)


def test_jpegs_that_were_cut_short_are_counted_once(tiny_coco, log):
    dataset = tiny_coco(lambda data: data['annotations'].pop(3))
    folder = Path(dataset['data_prefix']['img'])
    for name in ('a.png', 'b.png'):
        image = cv2.imread(str(folder / name))
        content = cv2.imencode('.jpg', image)[1].tobytes()
        (folder / name).write_bytes(content[:-20])
    read(dataset)
    message, = log.messages
    assert '2 of 3 images were cut short' in message
    assert message.endswith('a.png, b.png')
