import json

from check_loaders import box_dataset, check


def test_classes(data):

    def edit(content):
        content['categories'].append(dict(id=8, name='cow'))
        content['images'].append(dict(content['images'][0], id=99))

    data.edit(edit)
    found, _ = check(train=box_dataset(data))
    assert found['class-empty'] == ['cow']
    assert len(found['image-repeated']) == 2
    assert found['image-no-box'] == ['image 99']
    found, _ = check(train=box_dataset(data, metainfo=dict(classes=('dog', ))))
    assert found['class-unused'] == ['cat (2 boxes)', 'cow (0 boxes)']


def test_two_categories_of_one_name(data):
    data.edit(lambda d: d['categories'][0].update(name='dog'))
    found, _ = check(train=box_dataset(data))
    ids = [
        cat['id'] for cat in json.loads(data.boxes.read_text())['categories']
    ]
    assert found['class-repeated'] == [f'dog (ids {ids[0]}, {ids[1]})']


def test_classes_written_as_a_text(data):
    found, _ = check(train=box_dataset(data, metainfo=dict(classes=('cat'))))
    example, = found['dataset-config']
    assert "classes=('cat', )" in example
