import numpy as np
import pytest

from mmboxcaseg.datasets import BoxCropDataset
from mmboxcaseg.datasets.box_crops import overlapping_boxes


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


def test_classes_of_the_config(tiny_coco):
    dataset = build(tiny_coco(), metainfo=dict(classes=('dog', )))
    labels = [item['instances'][0]['bbox_label'] for item in dataset]
    assert labels == [0, 0]
    assert dataset.metainfo['classes'] == ('dog', )


def test_broken_file_fails_when_built(tiny_coco):
    files = tiny_coco(lambda data: data['annotations'][0].pop('bbox'))
    with pytest.raises(ValueError, match='no `bbox`: annotation 11'):
        build(files)


def iou(a, b) -> float:
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    inter = max(w, 0) * max(h, 0)
    area_a, area_b = ((x[2] - x[0]) * (x[3] - x[1]) for x in (a, b))
    return inter / (area_a + area_b - inter)


def test_overlapping_boxes_against_loops(rng):
    corners = rng.uniform(0, 20, (300, 2))
    boxes = np.hstack([corners, corners + rng.uniform(5, 30, (300, 2))])
    groups = rng.permutation(np.repeat(np.arange(90), rng.integers(1, 9, 90)))
    groups = np.resize(groups, 300)
    expected = [
        any(g == h and i != j and iou(a, b) > 0.5
            for j, (b, h) in enumerate(zip(boxes, groups)))
        for i, (a, g) in enumerate(zip(boxes, groups))
    ]
    found = overlapping_boxes(boxes, groups, 0.5)
    assert found.tolist() == expected
    assert 30 < found.sum() < 270


def test_overlapping_boxes_are_marked(tiny_coco, log):

    def edit(data):
        # IoU 0.6 with annotation 5, in the same image.
        data['annotations'][0]['bbox'] = [2.5, 3.25, 30, 18.3]

    files = tiny_coco(edit)
    assert build(files).overlapping is None
    dataset = build(files, overlap_iou=0.5)
    ids = [item['instances'][0]['ann_id'] for item in dataset]
    assert ids == [8, 3, 5, 11]
    assert dataset.overlapping.tolist() == [False, False, True, True]
    assert '2 of 4 boxes overlap another one (IoU > 0.5)' in log.text
    assert not build(files, overlap_iou=0.7).overlapping.any()


@pytest.mark.parametrize('kwargs', [
    dict(overlap_iou=1),
    dict(overlap_iou=-0.5),
    dict(overlap_iou=0.5, per_image=True),
])
def test_bad_overlap_iou(tiny_coco, kwargs):
    with pytest.raises(ValueError, match='overlap_iou=.* must be in'):
        build(tiny_coco(), **kwargs)


@pytest.mark.parametrize('indices, expected', [
    (3, [False, False, True]),
    (-1, [True]),
    ([2, 0], [True, False]),
])
def test_marks_of_a_subset(tiny_coco, indices, expected):
    files = tiny_coco(
        lambda data: data['annotations'][0].update(bbox=[2.5, 3.25, 30, 18.3]))
    dataset = build(files, overlap_iou=0.5, indices=indices)
    assert len(dataset) == len(expected)
    assert dataset.overlapping.tolist() == expected
