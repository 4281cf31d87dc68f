import pytest

from mmboxcaseg.datasets import BoxCropDataset


def keep(results: dict) -> dict:
    return results


def build(dataset: dict, **kwargs) -> BoxCropDataset:
    return BoxCropDataset(**dataset, pipeline=[keep], **kwargs)


def test_one_item_is_one_box(tiny_coco):
    dataset = build(tiny_coco())
    assert [item['instances'][0]['ann_id']
            for item in dataset] == [8, 3, 5, 11]
    assert all(len(item['instances']) == 1 for item in dataset)
    assert dataset.metainfo['classes'] == ('cat', 'dog')
    item = dataset[2]
    assert item['img_path'].endswith('images/a.png')
    assert (item['img_id'], item['height'], item['width']) == (7, 40, 50)
    assert item['instances'] == [
        dict(
            bbox=[2.5, 3.25, 32.5, 33.75],
            bbox_label=1,
            ann_id=5,
            area=30 * 30.5)
    ]


def test_one_item_is_one_image(tiny_coco):
    dataset = build(tiny_coco(), per_image=True, test_mode=True)
    assert [item['img_id'] for item in dataset] == [2, 4, 7]
    assert [len(item['instances']) for item in dataset] == [1, 1, 2]


def test_both_kinds_of_items_have_the_same_boxes(tiny_coco):
    files = tiny_coco()
    boxes = [item['instances'][0] for item in build(files)]
    images = build(files, per_image=True)
    assert boxes == [ins for item in images for ins in item['instances']]


def test_area_is_that_of_the_box(tiny_coco):
    # COCO's own `area` is that of the true mask.
    dataset = build(
        tiny_coco(lambda data: data['annotations'][0].update(area=1)))
    assert dataset[3]['instances'][0]['area'] == 20 * 15


def test_segmentation_is_kept_where_there_is_one(tiny_coco):
    polygon = [[1, 1, 9, 1, 9, 9]]

    def edit(data):
        data['annotations'][0]['segmentation'] = polygon
        data['annotations'][1]['segmentation'] = []

    _, _, empty, full = build(tiny_coco(edit))
    assert full['instances'][0]['segmentation'] == polygon
    assert 'segmentation' not in empty['instances'][0]


@pytest.mark.parametrize('per_image', [True, False])
def test_skip_img_ids(tiny_coco, per_image):
    dataset = build(tiny_coco(), per_image=per_image, skip_img_ids=[2, 7])
    assert [item['img_id'] for item in dataset] == [4]


def test_everything_skipped(tiny_coco):
    # A labelling that was cut off after its last image.
    dataset = build(tiny_coco(), per_image=True, skip_img_ids=[2, 4, 7])
    assert len(dataset) == 0


def test_classes_of_the_config(tiny_coco):
    dataset = build(tiny_coco(), metainfo=dict(classes=('dog', )))
    labels = [item['instances'][0]['bbox_label'] for item in dataset]
    assert labels == [0, 0]
    assert dataset.metainfo['classes'] == ('dog', )


def test_broken_file_fails_when_built(tiny_coco):
    files = tiny_coco(lambda data: data['annotations'][0].pop('bbox'))
    with pytest.raises(ValueError, match='no `bbox`: annotation 11'):
        build(files)
