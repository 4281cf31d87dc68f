import cv2
import pytest
from check_loaders import box_dataset, check
from image_kinds import write_kind


@pytest.mark.parametrize('kind, size, finding', [
    ('grey_png', (48, 64), 'image-grey'),
    ('bit', (48, 64), 'image-grey'),
    ('palette', (48, 64), 'image-palette'),
    ('cmyk', (48, 64), 'image-cmyk'),
    ('alpha', (48, 64), 'image-transparent'),
    ('exif3', (48, 64), 'image-orientation'),
    ('exif6', (64, 48), 'image-upright'),
    ('exif6', (48, 64), 'image-turned'),
    ('exif6_webp', (48, 64), None),
    ('plain', (48, 64), None),
])
def test_kind_of_image(data, kind, size, finding):
    path = write_kind(kind, data.images)

    def use(content):
        content['images'][0].update(
            file_name=path.name, height=size[0], width=size[1])

    data.edit(use)
    found, _ = check(train=box_dataset(data))
    assert {k
            for k in found
            if k.startswith('image-')} == ({finding} if finding else set())


def test_boxes_drawn_on_the_stored_image(data):
    path = write_kind('exif6', data.images)
    data.edit(lambda d: d['images'][0].update(
        file_name=path.name, height=48, width=64))
    dataset = box_dataset(data)
    dataset['pipeline'] = [
        dict(type='LoadImageFromFile', color_type='color_ignore_orientation')
    ]
    found, _ = check(train=dataset)
    assert set(found) == {'box-crowd'}


def test_cut_jpeg(data):
    path = data.images / 'a.png'
    content = cv2.imencode('.jpg', cv2.imread(str(path)))[1].tobytes()
    path.write_bytes(content[:-20])
    found, _ = check(train=box_dataset(data))
    assert found['image-cut'] == ['a.png']
    # The stock transform of mmdet's data sets cannot load it.
    found, _ = check(
        train=dict(
            box_dataset(data),
            type='CocoDataset',
            metainfo=dict(classes=('cat', 'dog'))))
    assert found['image-damaged'] == ['a.png']
