import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import LoadAnnotations as MmcvLoadAnnotations
from mmdet.datasets.transforms import LoadAnnotations
from mmengine.fileio import dump
from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from mmboxcaseg.datasets import ConcatCrops, MaskedCropDataset
from mmboxcaseg.models import CropTargets, PixelLoss

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(
        type='LoadAnnotations',
        with_bbox=False,
        with_label=False,
        with_seg=True),
    dict(type='mmboxcaseg.CropSalientObject', shift=(0, 0), scale=(1, 1)),
    dict(type='mmboxcaseg.PackCrops'),
]
SIDE, NUM = 60, 6


@pytest.fixture
def teacher(tmp_path):
    """Writes two images with six objects, ellipses; returns arguments."""

    def write(edit=lambda anns: None) -> dict:
        images = [
            dict(id=i, file_name=f'{i}.png', width=SIDE, height=SIDE)
            for i in (0, 1)
        ]
        anns = []
        for i in range(NUM):
            mask = np.zeros((SIDE, SIDE), np.uint8)
            cv2.ellipse(mask, (20 + 3 * i, 30), (12, 8 + i), 0, 0, 360, 1, -1)
            rle = mask_utils.encode(np.asfortranarray(mask))
            box = mask_utils.toBbox(rle).tolist()
            rle['counts'] = rle['counts'].decode()
            anns.append(
                dict(
                    id=NUM - i,
                    image_id=i % 2,
                    category_id=1 + i % 2,
                    bbox=box,
                    area=1,
                    iscrowd=0,
                    segmentation=rle,
                    expected_iou=i / 10))
        edit(anns)
        for img in images:
            gradient = np.arange(SIDE * SIDE * 3) % 251
            cv2.imwrite(
                str(tmp_path / img['file_name']),
                gradient.reshape(SIDE, SIDE, 3).astype(np.uint8))
        categories = [dict(id=1, name='cat'), dict(id=2, name='dog')]
        path = tmp_path / 'teacher.json'
        dump(
            dict(images=images, annotations=anns, categories=categories), path)
        return dict(ann_file=str(path), data_prefix=dict(img=str(tmp_path)))

    return write


def build(files: dict, **kwargs) -> MaskedCropDataset:
    kwargs = dict(dict(pipeline=PIPELINE, crop_size=32, min_size=0), **kwargs)
    return MaskedCropDataset(**files, **kwargs)


def test_crops_show_the_object_and_its_mask(teacher):
    dataset = build(teacher())
    assert len(dataset) == NUM
    for i in range(NUM):
        item = dataset[i]
        info = dataset.get_data_info(i)
        mask = mask_utils.decode(info['mask'])
        x, y, w, h = (int(v) for v in mask_utils.toBbox(info['mask']))
        part = np.s_[y:y + h, x:x + w]
        crop = cv2.resize(cv2.imread(info['img_path'])[part], (32, 32))
        np.testing.assert_array_equal(item['inputs'][0].permute(1, 2, 0), crop)
        expected = cv2.resize(
            mask[part], (32, 32), interpolation=cv2.INTER_NEAREST)
        gt = item['data_samples'].gt_instances
        np.testing.assert_array_equal(gt.masks[0], expected)
        assert 'mask_weights' not in gt


@pytest.mark.parametrize('kind', [
    'mmcv.LoadAnnotations', 'mmdet.LoadAnnotations', LoadAnnotations,
    MmcvLoadAnnotations
])
def test_names_of_the_transform_that_is_replaced(teacher, kind):
    steps = [PIPELINE[0], dict(PIPELINE[1], type=kind), *PIPELINE[2:]]
    item = build(teacher(), pipeline=steps)[0]
    assert item['data_samples'].gt_instances.masks.any()


def test_order_is_that_of_the_ids(teacher):
    shuffled = build(teacher(lambda anns: anns.reverse()))
    ordered = build(teacher())
    assert [shuffled.get_data_info(i)['mask'] for i in range(NUM)
            ] == [ordered.get_data_info(i)['mask'] for i in range(NUM)]


def test_what_is_left_out_is_counted(teacher, log):

    def edit(anns):
        anns[0]['iscrowd'] = 1
        anns[1].pop('segmentation')
        anns[2]['segmentation'] = dict(size=[SIDE, SIDE], counts=[SIDE * SIDE])
        anns[3]['mask_weight'] = 0
        anns[4]['bbox'][3] = 23
        x, y, w, h = anns[5]['bbox']
        anns.append(dict(anns[5], id=NUM + 1))
        # A polygon of one column in a large box.
        anns[5]['segmentation'] = [[x, y, x + 1, y, x + 1, y + h, x, y + h]]

    dataset = build(teacher(edit), min_size=24)
    text = log.text
    assert len(dataset) == 1
    for reason in ('a crowd', 'no mask', 'an empty mask', '`mask_weight` 0',
                   'a side under 24 px', 'a mask with a side under 12 px'):
        assert f'left out, {reason}' in text, reason


@pytest.mark.parametrize('share, kept', [(1, [0, 1, 2, 3, 4, 5]),
                                         (.5, [2, 3, 4, 5]), (.1, [4, 5])])
def test_best_share_of_each_class(teacher, share, kept):
    """Three objects per class; their scores rise from 0 by 0.1."""

    def edit(anns):
        for ann in anns:
            ann['expected_iou'] += 0.1

    rule = dict(key='expected_iou', keep_share=share, soft=True)
    dataset = build(teacher(edit), mask_filter=rule)
    weights = [
        dataset.get_data_info(k)['mask_weight'] for k in range(len(dataset))
    ]
    assert sorted(round(10 * w - 1) for w in weights) == kept


def test_weight_in_the_file_decides(teacher):

    def edit(anns):
        anns[0].update(mask_weight=1, expected_iou=0)
        anns[5].update(mask_weight=0.25)

    rule = dict(key='expected_iou', thr=1)
    dataset = build(teacher(edit), mask_filter=rule)
    weights = [
        dataset.get_data_info(k)['mask_weight'] for k in range(len(dataset))
    ]
    assert weights == [1, 0.25]
    unfiltered = build(teacher(edit))
    found = [unfiltered[k]['data_samples'].gt_instances for k in range(NUM)]
    assert sorted(gt.mask_weights.item() for gt in found
                  if 'mask_weights' in gt) == [0.25, 1]


def test_classes(teacher):
    dataset = build(teacher(), metainfo=dict(classes=('dog', )))
    assert len(dataset) == NUM // 2


@pytest.mark.parametrize('options, text', [
    (dict(mask_filter=dict(key='mask_score')), 'no `mask_score`.*annotation'),
    (dict(mask_filter=dict()), 'no `mask_score`.*annotation'),
    (dict(mask_filter=dict(key='x')), "key='x'"),
    (dict(mask_filter=dict(key='expected_iou', thr=.9)), 'leaves no object'),
    (dict(mask_filter=dict(key='expected_iou', keep_share=0)),
     r'leaves no object\. Set its `keep_share` above 0'),
    (dict(min_size=1000), "no object is left.*'a side under 1000 px': 6"),
    (dict(min_size=float('nan')), 'min_size=nan must be a number'),
    (dict(min_size=-1), 'min_size=-1 must be a number'),
    (dict(min_size='32'), "min_size='32' must be a number"),
])
def test_bad_arguments(teacher, options, text):
    with pytest.raises(InputError, match=text):
        build(teacher(), **options)


def test_all_scores_are_0(teacher):

    def edit(anns):
        for ann in anns:
            ann['expected_iou'] = 0

    with pytest.raises(InputError, match='Every `expected_iou` is 0'):
        build(teacher(edit), mask_filter=dict(key='expected_iou'))


def test_broken_mask_is_named(teacher):

    def edit(anns):
        anns[2]['segmentation'] = [[1, 2, 3]]

    with pytest.raises(InputError, match=r'annotation 4'):
        build(teacher(edit))


@pytest.mark.parametrize('side', [SIDE // 2, 2 * SIDE])
def test_image_of_another_size(teacher, side):
    dataset = build(teacher())
    path = dataset.get_data_info(0)['img_path']
    # The start checks local files; those on object storage are not read.
    cv2.imwrite(path, np.zeros((side, side, 3), np.uint8))
    words = f'{path} has {side}x{side} pixels.*says {SIDE}x{SIDE}'
    with pytest.raises(InputError, match=words):
        dataset[0]


def test_weights_reach_the_pixel_loss(teacher):
    rule = dict(key='expected_iou', soft=True)
    dataset = build(teacher(), mask_filter=rule)
    assert len(dataset) == NUM - 1  # one has score 0
    num = len(dataset)
    items = [dataset[i] for i in range(num)]
    crops = torch.cat([item['inputs'] for item in items]).float()
    samples = [item['data_samples'] for item in items]
    targets = CropTargets.from_samples(crops, samples)
    weights = torch.tensor(
        [dataset.get_data_info(i)['mask_weight'] for i in range(num)])
    torch.testing.assert_close(targets.mask_weights, weights)
    pred = torch.randn(num, 32, 32)
    loss = PixelLoss()(pred, targets.with_mask(), targets.mask_weights)
    prob = pred.sigmoid()
    slow = -torch.where(targets.masks > 0, prob.log(), (1 - prob).log())
    torch.testing.assert_close(
        loss, (slow * weights[:, None, None]).mean(), rtol=1e-4, atol=1e-5)


def test_beside_salient_images(teacher, tiny_salient):
    salient = dict(
        type='mmboxcaseg.SalientDataset', **tiny_salient(), pipeline=PIPELINE)
    own = dict(
        type='mmboxcaseg.MaskedCropDataset',
        **teacher(),
        min_size=0,
        pipeline=PIPELINE)
    both = ConcatCrops([own, salient], crop_size=32)
    shapes = {tuple(both[i]['inputs'].shape) for i in range(len(both))}
    assert len(both) == NUM + 2 and shapes == {(1, 3, 32, 32)}
