import pytest
from check_loaders import LOAD, box_dataset, check
from small_data import SmallData

SALIENT = ('salient_img', 'salient_mask')


def salient_dataset(data: SmallData) -> dict:
    folders = (str(data.folder / name) for name in SALIENT)
    return dict(
        type='mmboxcaseg.SalientDataset',
        data_prefix=dict(zip(('img', 'mask'), folders)),
        pipeline=LOAD)


def test_where(data):
    _, (boxes, salient) = check(
        train=dict(datasets=[box_dataset(data),
                             salient_dataset(data)]))
    assert boxes.where == str(data.boxes)
    assert salient.where == str(data.folder / 'salient_img')


@pytest.mark.parametrize('metainfo, expected', [
    ({}, ['cat', 'dog']),
    (dict(classes=('dog', )), ['dog']),
])
def test_classes(data, metainfo, expected):
    _, (one, ) = check(train=box_dataset(data, metainfo=metainfo))
    assert list(one.classes) == expected


def test_salient_images_have_no_classes(data):
    _, (one, ) = check(train=salient_dataset(data))
    assert list(one.classes) == []


def test_images(data):
    _, (one, ) = check(train=box_dataset(data))
    found = [(path, facts.size) for (path, _, _), facts in one.images()]
    sizes = {'a.png': (40, 50), 'b.png': (48, 32), 'c.png': (30, 30)}
    assert found == [(str(data.images / name), sizes[name]) for name in sizes]


def test_inspect(data):
    _, (one, ) = check(train=box_dataset(data))
    assert one.inspect(dict(file_name='b.png')) == one.facts[1]
    lost = one.inspect(dict(file_name='lost.png'))
    assert lost.problem == 'image-missing'
