import numpy as np
import pytest
from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from mmboxcaseg.datasets import ProxyCocoDataset
from mmboxcaseg.structures import encode_window, to_rle

SCORES = {11: 1, 5: 0.95, 8: 0.9499, 3: 0}


def add_masks(data: dict) -> None:
    """Turn the boxes into a proxy file: full masks, one of them empty."""
    sizes = {
        img['id']: (img['height'], img['width'])
        for img in data['images']
    }
    for ann in data['annotations']:
        if ann['iscrowd']:
            continue
        score = SCORES[ann['id']]
        x, y, w, h = (int(v) for v in ann['bbox'])
        mask = np.full((h, w), score > 0)
        ann['segmentation'] = encode_window(mask, (x, y, x + w, y + h),
                                            *sizes[ann['image_id']])
        ann.update(mask_score=score, mask_source='tiny@1234')


def then(edit):

    def both(data):
        add_masks(data)
        edit(data)

    return both


def build(files: dict, **kwargs) -> ProxyCocoDataset:
    kwargs.setdefault('metainfo', dict(classes=('cat', 'dog')))
    return ProxyCocoDataset(**files, pipeline=[lambda item: item], **kwargs)


def weights(dataset) -> dict:
    """Mask weights by image id, in the order of the file."""
    return {
        item['img_id']: [ins['mask_weight'] for ins in item['instances']]
        for item in dataset
    }


@pytest.mark.parametrize('kwargs, expected', [
    (dict(), {
        7: [1, 1],
        2: [0, 0],
        4: [0]
    }),
    (dict(mask_score_thr=0.9499), {
        7: [1, 1],
        2: [1, 0],
        4: [0]
    }),
    (dict(mask_score_thr=0.9501), {
        7: [1, 0],
        2: [0, 0],
        4: [0]
    }),
    (dict(mask_score_thr=0), {
        7: [1, 1],
        2: [1, 0],
        4: [0]
    }),
    (dict(mask_score_thr=1), {
        7: [1, 0],
        2: [0, 0],
        4: [0]
    }),
])
def test_weight_is_one_from_the_threshold_on(tiny_coco, kwargs, expected):
    # 3 has an empty mask: it is never learnt; 9 in image 2 is a crowd.
    dataset = build(tiny_coco(add_masks), **kwargs)
    assert weights(dataset) == expected


def test_every_box_is_kept(tiny_coco):
    files = tiny_coco(add_masks)
    boxes = {
        item['img_id']: [ins['bbox'] for ins in item['instances']]
        for item in build(files, mask_score_thr=1)
    }
    assert boxes == {
        7: [[5, 6, 25, 21], [2.5, 3.25, 32.5, 33.75]],
        2: [[0, 0, 32, 48], [4, 4, 14, 14]],
        4: [[10, 10, 15, 16]],
    }


def test_table_of_classes_is_printed(tiny_coco, log):
    files = tiny_coco(add_masks)
    build(files, mask_score_power=2, few_masks=2)
    table, warning = log.messages[-2:]
    assert table.startswith(
        f'{files["ann_file"]}: boxes and masks used for training')
    rows = [[cell.strip() for cell in line.split('|')[1:-1]]
            for line in table.splitlines() if line.startswith('|')]
    mean = 0.95**2 / 2
    # The crowd is not counted.
    assert rows == [
        ['class', 'boxes', 'masks used', 'share', 'mean weight'],
        ['cat', '2', '1', '0.500', '0.500'],
        ['dog', '2', '1', '0.500', f'{mean:.3f}'],
        ['all', '4', '2', '0.500', f'{0.25 + mean / 2:.3f}'],
    ]
    assert '2 of 2 classes have fewer than 2 masks' in warning
    assert 'cat (1), dog (1)' in warning and 'mask_score_thr' in warning


def test_no_warning_where_masks_are_enough(tiny_coco, log):
    build(tiny_coco(add_masks), few_masks=1)
    assert not any('fewer than' in m for m in log.messages)


@pytest.mark.parametrize('kwargs, expected', [
    (dict(mask_score_thr=0, mask_score_power=1), [1, 0.95, 0.9499, 0]),
    (dict(mask_score_thr=0.95, mask_score_power=1), [1, 0.95, 0, 0]),
    (dict(mask_score_thr=0, mask_score_power=3), [1, 0.95**3, 0.9499**3, 0]),
])
def test_soft_weight_is_a_power_of_the_score(tiny_coco, kwargs, expected):
    found = weights(build(tiny_coco(add_masks), **kwargs))
    assert [*found[7], found[2][0], found[4][0]] == pytest.approx(expected)


def test_weight_given_in_the_file(tiny_coco):

    def edit(data):
        data['annotations'][0]['mask_weight'] = 0.25
        data['annotations'][4]['mask_weight'] = 1

    # A given weight needs no score. The mask of 3 is empty.
    found = weights(build(tiny_coco(then(edit))))
    assert found == {7: [0.25, 1], 2: [0, 0], 4: [0]}


def test_given_weight_out_of_range(tiny_coco):
    files = tiny_coco(
        then(lambda data: data['annotations'][1].update(mask_weight=1.5)))
    with pytest.raises(ValueError, match='`mask_weight` is not.*annotation 5'):
        build(files)


def test_rule_that_the_config_names(tiny_coco, log):

    def edit(data):
        for ann in data['annotations']:
            if 'mask_score' in ann:
                ann['expected_iou'] = round(1 - ann['mask_score'] / 2, 4)
        full = encode_window(np.ones((30, 30)), (0, 0, 30, 30), 30, 30)
        data['annotations'][4]['segmentation'] = full

    rule = dict(key='expected_iou', keep_share=0.5)
    files = tiny_coco(then(edit))
    # Of class 1: 8 and 11; of class 2: 3 and 5.
    found = weights(build(files, mask_filter=rule, mask_score_thr=0.95))
    assert found == {7: [0, 0], 2: [1, 0], 4: [1]}
    table = log.messages[-2]
    assert 'the best 50 % of each class by expected_iou' in table
    assert '`mask_filter`' in log.messages[-1]
    soft = weights(build(files, mask_filter=dict(rule, soft=True)))
    assert soft == {7: [0, 0], 2: [0.5251, 0], 4: [1]}
    given = weights(
        build(
            tiny_coco(
                then(lambda data: (edit(data), data['annotations'][0].update(
                    mask_weight=1)))),
            mask_filter=rule))
    assert given[7] == [1, 0]


@pytest.mark.parametrize('change, classes, number', [
    (dict(iscrowd=1), ('cat', 'dog'), 5),
    (dict(ignore=1), ('cat', 'dog'), 4),
    (dict(bbox=[6, 6, 0.9, 9]), ('cat', 'dog'), 4),
    (dict(category_id=1), ('cat', ), 1),
])
def test_box_that_is_not_used(tiny_coco, log, change, classes, number):
    """The best mask of its class, without the score of another filter."""

    def edit(data):
        for ann in data['annotations']:
            ann['expected_iou'] = 0.5
        del data['annotations'][0]['expected_iou']
        data['annotations'][0].update(change)

    files = tiny_coco(then(edit))
    metainfo = dict(classes=classes)
    found = weights(
        build(files, mask_filter=dict(keep_share=0.1), metainfo=metainfo))
    assert found[2][0] == 1 and sum(map(len, found.values())) == number
    assert ('1 of 4 boxes left out, under one pixel wide or high: annotation '
            '11' in log.text) == ('bbox' in change)
    build(files, mask_filter=dict(key='expected_iou'), metainfo=metainfo)


def test_rule_without_its_score(tiny_coco):
    files = tiny_coco(add_masks)
    with pytest.raises(InputError, match='have no `expected_iou`') as error:
        build(files, mask_filter=dict(key='expected_iou', thr=0.7))
    assert files['ann_file'] in str(error.value)


def lose_scores(data: dict) -> None:
    """Turn the first image's masks into masks of unknown origin."""
    for ann in data['annotations'][:2]:
        del ann['mask_score'], ann['mask_source']


def test_masks_without_scores_are_an_error(tiny_coco):
    files = tiny_coco(then(lose_scores))
    with pytest.raises(ValueError) as error:
        build(files)
    message = str(error.value)
    assert f'{files["ann_file"]}: 2 of 4 masks have no `mask_score`' in message
    assert 'annotation 5, 11' in message
    assert 'true_masks=True' in message and 'merge_masks.py' in message


def test_masks_without_scores_may_be_true_ones(tiny_coco):
    dataset = build(tiny_coco(then(lose_scores)), true_masks=True)
    assert weights(dataset) == {7: [1, 1], 2: [0, 0], 4: [0]}


def test_true_masks_of_a_whole_file(tiny_coco, log):

    def edit(data):
        add_masks(data)
        for ann in data['annotations']:
            ann.pop('mask_score', None)
            ann.pop('mask_source', None)
        del data['annotations'][2]['segmentation']

        # A polygon between the centres of pixels is empty, too.
        data['annotations'][1]['segmentation'] = [[3, 3, 3, 3.2, 3.2, 3]]

    dataset = build(tiny_coco(edit), true_masks=True)
    assert weights(dataset) == {7: [1, 0], 2: [0, 0], 4: [0]}
    assert '| all   | 4     | 1          |' in log.text


def test_weights_stay_with_their_boxes_when_one_is_dropped(tiny_coco):
    # CocoDataset leaves out boxes outside the image.
    dataset = build(
        tiny_coco(
            then(lambda data: data['annotations'][0].update(bbox=[60, 6, 5, 5])
                 )))
    item = dataset[0]
    assert [ins['bbox'][0] for ins in item['instances']] == [2.5]
    assert weights(dataset)[7] == [1]


@pytest.mark.parametrize('area', [None, 0, -1])
def test_area_is_not_needed(tiny_coco, area):

    def edit(data):
        for ann in data['annotations']:
            del ann['area']
            if area is not None:
                ann['area'] = area

    assert sum(map(len, weights(build(tiny_coco(then(edit)))).values())) == 5


def test_image_without_annotation(tiny_coco):
    dataset = build(tiny_coco(then(lambda data: data['annotations'].pop(4))))
    assert weights(dataset)[4] == []


def test_images_that_are_left_out(tiny_coco, log):
    files = tiny_coco(
        then(lambda data: data['annotations'].__delitem__(slice(2, 4))))
    cfg = dict(filter_empty_gt=True, min_size=32)
    assert [*weights(build(files, filter_cfg=cfg))] == [7]
    for words in ('with a side under 32 px (filter_cfg.min_size): image 4',
                  'without boxes (filter_cfg.filter_empty_gt): image 2',
                  '| all   | 2 '):
        assert words in log.text


def test_file_without_masks(tiny_coco):
    files = tiny_coco()
    with pytest.raises(ValueError) as error:
        build(files)
    message = str(error.value)
    assert f'{files["ann_file"]}: none of 4 annotations has a mask' in message
    assert 'tools/label.py' in message


def test_half_a_proxy_mask(tiny_coco):
    files = tiny_coco(
        then(lambda data: data['annotations'][1].pop('mask_score')))
    with pytest.raises(ValueError, match='needed together.*annotation 5'):
        build(files)


@pytest.mark.parametrize('segmentation', [None, []])
def test_box_that_was_not_labelled(tiny_coco, segmentation):

    def edit(data):
        ann = data['annotations'][0]
        for key in ('segmentation', 'mask_score', 'mask_source'):
            del ann[key]
        if segmentation is not None:
            ann['segmentation'] = segmentation

    dataset = build(tiny_coco(then(edit)), mask_score_thr=0)
    assert weights(dataset)[7] == [0, 1]
    mask = dataset[0]['instances'][0]['mask']
    assert not mask_utils.decode(to_rle(mask, 40, 50)).any()


@pytest.mark.parametrize(
    'polygons', [[[1, 2, 3, 4]], [[1, 2, 3, 4, 5, 6, 7]], [[]], 'none', 5,
                 dict(counts='abc')])
def test_true_mask_that_is_none(tiny_coco, polygons):

    def edit(data):
        lose_scores(data)
        data['annotations'][1]['segmentation'] = polygons

    with pytest.raises(ValueError, match='segmentation.*annotation 5'):
        build(tiny_coco(then(edit)), true_masks=True)


@pytest.mark.parametrize('counts', ['0', 'P'])  # too short; cut off
def test_counts_that_do_not_fit_the_image(tiny_coco, counts):
    files = tiny_coco(
        then(lambda data: data['annotations'][0]['segmentation'].update(
            counts=counts)))
    with pytest.raises(InputError, match='(?s)counts.*annotation 11'):
        build(files)


def test_class_names_in_another_order(tiny_coco):
    files = tiny_coco(add_masks)
    with pytest.raises(ValueError) as error:
        build(files, metainfo=dict(classes=('dog', 'cat')))
    message = str(error.value)
    assert "Config: ['dog', 'cat']; file: ['cat', 'dog']" in message
    assert files['ann_file'] in message


def test_a_part_of_the_classes(tiny_coco):
    dataset = build(tiny_coco(add_masks), metainfo=dict(classes=('dog', )))
    assert dataset.metainfo['classes'] == ('dog', )
    assert weights(dataset) == {7: [1], 2: [0], 4: [0]}


def test_wrong_classes(tiny_coco):
    # Without metainfo it is CocoDataset's 80 classes.
    with pytest.raises(ValueError, match='metainfo.classes'):
        build(tiny_coco(add_masks), metainfo=None)


def test_broken_file_fails_when_built(tiny_coco):
    files = tiny_coco(
        then(lambda data: data['annotations'][0].update(category_id=99)))
    with pytest.raises(ValueError, match='unknown class.*annotation 11'):
        build(files)


@pytest.mark.parametrize('kwargs', [
    dict(mask_score_thr=95),
    dict(mask_score_thr=-0.1),
    dict(mask_score_power=-1),
])
def test_numbers_out_of_range(tiny_coco, kwargs):
    with pytest.raises(ValueError, match='mask_score_thr=.* must be in'):
        build(tiny_coco(add_masks), **kwargs)


def test_sizes_as_pandas_writes_them(tiny_coco):

    def edit(data):
        data['images'][0].update(height=40.0, width=50.0)
        del data['annotations'][0]['segmentation']
        del data['annotations'][0]['mask_score']
        del data['annotations'][0]['mask_source']

    item = build(tiny_coco(then(edit)))[0]
    assert isinstance(item['height'], int) and isinstance(item['width'], int)
    assert item['instances'][0]['mask'] == dict(size=[40, 50], counts=[2000])


def test_images_of_lvis(tiny_coco):

    def edit(data):
        for img in data['images']:
            name = img.pop('file_name')
            img['coco_url'] = f'http://images.cocodataset.org/{name}'

    paths = [item['img_path'] for item in build(tiny_coco(then(edit)))]
    assert paths == [i['img_path'] for i in build(tiny_coco(add_masks))]
