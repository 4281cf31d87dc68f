import pytest
from check_loaders import box_dataset, check


@pytest.mark.parametrize('edit, finding', [
    (dict(bbox=[5, 6, 0, 15]), 'box-zero'),
    (dict(bbox=[40, 6, 20, 15]), 'box-sticks-out'),
    (dict(bbox=[-2, 6, 20, 15]), 'box-sticks-out'),
    (dict(bbox=[49.5, 6, 1.4, 15]), None),
    (dict(bbox=[2.5, 3.25, 30, 30.5], category_id=1), 'box-repeated'),
    (dict(segmentation=dict(size=[40, 50], counts=[2000])),
     'mask-uncompressed'),
])
def test_kind_of_box(data, edit, finding):
    data.edit(lambda d: d['annotations'][0].update(edit))
    found, _ = check(train=box_dataset(data))
    assert set(found) == {'box-crowd', finding} - {None}


def test_box_under_a_pixel_matters_to_mmdet(data):
    data.edit(
        lambda d: d['annotations'][0].update(bbox=[5, 5, 0.5, 3], area=0))
    dataset = dict(
        box_dataset(data),
        type='CocoDataset',
        metainfo=dict(classes=('cat', 'dog')))
    found, _ = check(train=dataset)
    assert 'box-small' in found and 'area-zero' in found
    assert 'box-small' not in check(train=box_dataset(data))[0]
    found, _ = check(train=dict(dataset, type='mmboxcaseg.ProxyCocoDataset'))
    assert 'box-small' in found and 'area-zero' not in found
