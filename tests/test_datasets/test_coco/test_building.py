import numpy as np
import pytest
from mmengine.fileio import load
from pycocotools import mask as mask_utils

from mmboxcaseg.datasets.coco import (boxes_only, load_coco, make_annotation,
                                      make_coco, write_coco)


@pytest.fixture
def coco() -> dict:
    mask = np.zeros((20, 30), bool)
    mask[4:9, 7:11] = mask[9, 7] = True
    images = [
        dict(file_name=name, width=30, height=20)
        for name in ('a.jpg', 'b.jpg')
    ]
    annotations = [[make_annotation(mask, 2)],
                   [make_annotation(~mask, 1),
                    make_annotation(mask, 1)]]
    return make_coco(images, annotations, ('cat', 'dog'))


def test_make_coco(coco):
    assert [img['id'] for img in coco['images']] == [1, 2]
    assert coco['categories'] == [
        dict(id=1, name='cat'), dict(id=2, name='dog')
    ]
    keys = ('id', 'image_id', 'category_id', 'bbox', 'area', 'iscrowd')
    assert [[ann[key] for key in keys] for ann in coco['annotations']] == [
        [1, 1, 2, [7, 4, 4, 6], 21, 0],
        [2, 2, 1, [0, 0, 30, 20], 579, 0],
        [3, 2, 1, [7, 4, 4, 6], 21, 0],
    ]
    first, second, third = (
        mask_utils.decode(ann['segmentation']) for ann in coco['annotations'])
    assert (first == third).all() and (first + second == 1).all()
    assert first[4:9, 7:11].sum() + first[9, 7] == first.sum() == 21


def test_boxes_only(coco):
    coco['info'] = dict(year=2012, mmboxcaseg=dict(mask_source='tiny'))
    coco['annotations'][0].update(
        mask_score=1.0, mask_source='tiny', keypoints=[1, 2, 2])
    coco['annotations'][1].pop('area')
    coco['annotations'][2]['iscrowd'] = 1
    boxes = boxes_only(coco)
    assert boxes['info'] == dict(year=2012)
    assert boxes['images'] == coco['images']
    assert boxes['categories'] == coco['categories']
    assert boxes['annotations'] == [
        dict(
            id=1,
            image_id=1,
            category_id=2,
            bbox=[7, 4, 4, 6],
            area=24,
            iscrowd=0),
        dict(
            id=2,
            image_id=2,
            category_id=1,
            bbox=[0, 0, 30, 20],
            area=600,
            iscrowd=0),
        dict(
            id=3,
            image_id=2,
            category_id=1,
            bbox=[7, 4, 4, 6],
            area=24,
            iscrowd=1),
    ]
    # the source is as it was
    assert 'segmentation' in coco['annotations'][0]
    assert 'mmboxcaseg' in coco['info']


def test_write_coco(coco, tmp_path):
    path = tmp_path / 'new' / 'coco.json'
    write_coco(str(path), coco)
    assert load_coco(str(path)) == load(path) == coco
    coco['annotations'] = []
    with pytest.raises(ValueError, match='other.json has no annotations'):
        write_coco(str(tmp_path / 'other.json'), coco)
    assert not (tmp_path / 'other.json').exists()
