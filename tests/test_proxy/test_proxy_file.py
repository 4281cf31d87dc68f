import pytest

from mmboxcaseg.datasets.coco import MaskFilter
from mmboxcaseg.proxy import count_kept


@pytest.mark.parametrize('threshold, kept', [(0, 3), (0.8, 2), (1, 1)])
def test_count_kept(tiny_coco, threshold, kept):
    """One box has no proxy mask, and one has an empty one."""

    def edit(data):
        for ann, score in zip(data['annotations'], (1, 0.8, 0.5, None, 0)):
            if score is not None:
                img, = (
                    i for i in data['images'] if i['id'] == ann['image_id'])
                size = [img['height'], img['width']]
                ann['segmentation'] = dict(size=size, counts='0')
                ann.update(mask_score=score, mask_source='tiny@1')

    assert count_kept(tiny_coco(edit)['ann_file'], threshold) == dict(
        instances=4, kept=kept, drop_rate=1 - kept / 4, mask_score=2.3 / 4)
    # One mask of each class
    best = count_kept(tiny_coco(edit)['ann_file'], MaskFilter(keep_share=0.5))
    assert best['kept'] == 2


def test_empty_mask_with_a_weight_does_not_count(tiny_coco):
    """As in the training."""

    def edit(data):
        masks = [], [[1, 1, 3, 1, 3, 3]]
        for ann, mask in zip(data['annotations'], masks):
            ann.update(segmentation=mask, mask_score=0, mask_source='tiny@1')
            ann['mask_weight'] = 1

    counts = count_kept(tiny_coco(edit)['ann_file'], 0.5)
    assert (counts['instances'], counts['kept']) == (2, 1)


def test_crowds_do_not_count(tiny_coco):

    def edit(data):
        for ann, score in zip(data['annotations'], (1, 0.5, 0.9)):
            img, = (i for i in data['images'] if i['id'] == ann['image_id'])
            size = [img['height'], img['width']]
            ann['segmentation'] = dict(size=size, counts='0')
            ann.update(mask_score=score, mask_source='tiny@1')
        data['annotations'][2]['iscrowd'] = 1

    counts = count_kept(tiny_coco(edit)['ann_file'], 0.8)
    assert (counts['instances'], counts['kept']) == (2, 1)
    assert counts['mask_score'] == 0.75


def test_means(tiny_coco):

    def edit(data):
        for ann, iou in zip(data['annotations'], (0.25, 0.75)):
            img, = (i for i in data['images'] if i['id'] == ann['image_id'])
            size = [img['height'], img['width']]
            ann['segmentation'] = dict(size=size, counts='0')
            ann.update(mask_score=1, mask_source='tiny@1', expected_iou=iou)

    counts = count_kept(tiny_coco(edit)['ann_file'], 0.5)
    assert (counts['mask_score'], counts['expected_iou']) == (1, 0.5)
