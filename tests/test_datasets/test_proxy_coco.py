import numpy as np
import pytest
from pycocotools import mask as mask_utils

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
    (dict(mask_score_thr=1.1), {
        7: [0, 0],
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
        for item in build(files, mask_score_thr=1.1)
    }
    assert boxes == {
        7: [[5, 6, 25, 21], [2.5, 3.25, 32.5, 33.75]],
        2: [[0, 0, 32, 48], [4, 4, 14, 14]],
        4: [[10, 10, 15, 16]],
    }


def test_count_is_printed(tiny_coco, log):
    files = tiny_coco(add_masks)
    build(files)
    message, = [m for m in log.messages if 'are learnt' in m]
    assert message.startswith(f'{files["ann_file"]}: 2 of 5 masks score 0.95')


def test_weights_stay_with_their_boxes_when_one_is_dropped(tiny_coco):
    # CocoDataset leaves out boxes outside the image.
    dataset = build(
        tiny_coco(
            then(lambda data: data['annotations'][0].update(bbox=[60, 6, 5, 5])
                 )))
    item = dataset[0]
    assert [ins['bbox'][0] for ins in item['instances']] == [2.5]
    assert weights(dataset)[7] == [1]


def test_area_is_not_needed(tiny_coco):

    def edit(data):
        for ann in data['annotations']:
            del ann['area']

    assert sum(map(len, weights(build(tiny_coco(then(edit)))).values())) == 5


def test_image_without_annotation(tiny_coco):
    dataset = build(tiny_coco(then(lambda data: data['annotations'].pop(4))))
    assert weights(dataset)[4] == []


def test_no_proxy_file(tiny_coco):
    files = tiny_coco()
    with pytest.raises(ValueError) as error:
        build(files)
    message = str(error.value)
    assert f'{files["ann_file"]} is no proxy file: none of 4' in message
    assert 'tools/label.py' in message


def test_half_a_proxy_mask(tiny_coco):
    files = tiny_coco(
        then(lambda data: data['annotations'][1].pop('mask_score')))
    with pytest.raises(ValueError, match='come together.*annotation 5'):
        build(files)


@pytest.mark.parametrize('segmentation',
                         [None, [], [[1, 2, 3, 4]], [[5, 6, 9, 6, 9, 9]]])
def test_box_that_was_not_labelled(tiny_coco, log, segmentation):

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
    assert any('1 have no proxy mask' in m for m in log.messages)


def test_wrong_classes(tiny_coco):
    # Without metainfo it is CocoDataset's 80 classes.
    with pytest.raises(ValueError, match='metainfo.classes'):
        build(tiny_coco(add_masks), metainfo=None)


def test_broken_file_fails_when_built(tiny_coco):
    files = tiny_coco(
        then(lambda data: data['annotations'][0].update(category_id=99)))
    with pytest.raises(ValueError, match='unknown class.*annotation 11'):
        build(files)
