import json
from pathlib import Path

import numpy as np
import pytest
from mmdet.structures import DetDataSample
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from proxy_files import write_proxy_files
from pycocotools import mask as mask_utils
from slow_ious import encode, slow_iou, slow_summary

from mmboxcaseg import InputError
from mmboxcaseg.evaluation import (InstanceIoUMetric, compare_masks,
                                   evaluate_mask_file)
from mmboxcaseg.proxy import ScoredMasks
from mmboxcaseg.structures import encode_window, merge_masks

HEIGHT, WIDTH = 20, 25
SCORED = dict(mask_score=1, mask_source='tiny@1234')


@pytest.fixture
def images(rng) -> list:
    """Data samples of three images, with predicted and true masks."""
    samples, ann_id = [], 0
    for img_id, num in ((1, 2), (5, 1), (3, 4)):
        low = rng.integers(0, (WIDTH - 8, HEIGHT - 8), (num, 2))
        windows = np.hstack([low, low + rng.integers(4, 8, (num, 2))])
        true = [rng.random((HEIGHT, WIDTH)) < 0.05 for _ in range(num)]
        masks = []
        for mask, (x0, y0, x1, y1) in zip(true, windows):
            mask[y0:y1, x0:x1] |= rng.random((y1 - y0, x1 - x0)) < 0.9
            masks.append(rng.random((y1 - y0, x1 - x0)) < 0.9)
        gt = InstanceData(
            windows=windows,
            labels=rng.integers(0, 2, num),
            ann_ids=np.arange(ann_id, ann_id + num),
            segmentations=[encode(mask) for mask in true])
        ann_id += num
        sample = DetDataSample(
            gt_instances=gt, pred_instances=InstanceData(masks=masks))
        sample.set_metainfo(
            dict(img_id=img_id, img_path='a.png', ori_shape=(HEIGHT, WIDTH)))
        samples.append(sample)
    return samples


def run_metric(samples, **kwargs) -> dict:
    evaluator = Evaluator(InstanceIoUMetric(**kwargs))
    for sample in samples:
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))


def write_files(samples, folder) -> tuple:
    """Predictions as a proxy file, truths as a COCO file."""
    files = {'pred': [], 'gt': []}
    for sample in samples:
        gt = sample.gt_instances
        for i, ann_id in enumerate(gt.ann_ids.tolist()):
            ann = dict(
                id=ann_id,
                image_id=sample.img_id,
                category_id=gt.labels[i].item() + 4,
                bbox=[0, 0, 9, 9])
            window = encode_window(sample.pred_instances.masks[i],
                                   gt.windows[i], HEIGHT, WIDTH)
            files['pred'].append(dict(ann, segmentation=window, **SCORED))
            files['gt'].append(dict(ann, segmentation=gt.segmentations[i]))
    images = [
        dict(id=sample.img_id, file_name='a.png', height=HEIGHT, width=WIDTH)
        for sample in samples
    ]
    categories = [dict(id=i, name=str(i)) for i in range(10)]
    for name, annotations in files.items():
        (folder / f'{name}.json').write_text(
            json.dumps(
                dict(
                    images=images,
                    annotations=annotations,
                    categories=categories)))
    return str(folder / 'pred.json'), str(folder / 'gt.json')


def edit(path: str, change) -> None:
    with open(path) as file:
        data = json.load(file)
    change(data['annotations'])
    with open(path, 'w') as file:
        json.dump(data, file)


@pytest.fixture
def files(images, tmp_path) -> tuple:
    return write_files(images, tmp_path)


def test_metric_against_loops(images):
    ious, labels = [], []
    for sample in images:
        gt = sample.gt_instances
        for i, window in enumerate(gt.windows):
            x0, y0, x1, y1 = window.tolist()
            pred = np.zeros((HEIGHT, WIDTH), dtype=bool)
            pred[y0:y1, x0:x1] = sample.pred_instances.masks[i]
            true = mask_utils.decode(gt.segmentations[i]).astype(bool)
            ious.append(slow_iou(pred, true))
            labels.append(gt.labels[i].item())
    expected = slow_summary(ious, labels, (40, 75), 3)
    assert run_metric(
        images, thresholds=(40, 75), num_classes=3) == pytest.approx({
            f'mask/{name}':
            value
            for name, value in expected.items()
        })
    assert 0 < expected['IoU_40'] < 1 or 0 < expected['IoU_75'] < 1


@pytest.mark.parametrize('rule', ['box', 'mask', 'quarter'])
def test_metric_of_merged_masks(images, rule):
    for sample in images:
        gt = sample.gt_instances
        gt.areas = np.prod(gt.windows[:, 2:] - gt.windows[:, :2], axis=1)
    found = run_metric(images, merge_by=rule)
    for sample in images:
        gt, pred = sample.gt_instances, sample.pred_instances
        pred.masks = merge_masks(pred.masks, gt.windows, gt.areas, gt.ann_ids,
                                 rule)
    assert found == run_metric(images)
    with pytest.raises(InputError, match='merge_by'):
        InstanceIoUMetric(merge_by='size')


def test_metric_equals_that_of_the_files(images, files):
    expected = evaluate_mask_file(*files, thresholds=(25, 60))
    assert run_metric(
        images, thresholds=(25, 60)) == {
            f'mask/{k}': v
            for k, v in expected.items()
        }


def test_perfect_masks(files):
    edit(files[0], lambda anns: anns.clear())
    truth = json.loads(Path(files[1]).read_text())['annotations']
    edit(files[0], lambda anns: anns.extend(dict(a, **SCORED) for a in truth))
    assert evaluate_mask_file(*files) == dict(mIoU_star=1, IoU_50=1, IoU_75=1)
    # Only two of 80 classes have masks here.
    assert evaluate_mask_file(
        *files, num_classes=80)['mIoU_star'] == pytest.approx(2 / 80)


def test_crowds_are_not_counted(files):
    expected = evaluate_mask_file(*files)
    crowd = dict(
        id=99, image_id=1, category_id=9, iscrowd=1, bbox=[0, 0, 5, 5])
    edit(files[1], lambda anns: anns.append(crowd))
    assert evaluate_mask_file(*files) == expected


def test_order_of_the_annotations_does_not_matter(files):
    expected = evaluate_mask_file(*files)
    edit(files[0], lambda anns: anns.reverse())
    assert evaluate_mask_file(*files) == expected


def test_missing_masks(files):
    # A segmentation that is not scored is the source's own.
    edit(files[0],
         lambda anns: [anns.pop(2), [anns[0].pop(key) for key in SCORED]])
    with pytest.raises(ValueError, match=r'2 of 7 .* first ids are \[0, 2\]'):
        evaluate_mask_file(*files)


def test_no_annotation_to_compare_with(files):
    edit(files[1], lambda anns: [ann.update(iscrowd=1) for ann in anns])
    with pytest.raises(ValueError, match='0 of 0 annotations'):
        evaluate_mask_file(*files)


@pytest.fixture
def proxy(tiny_coco, rng):
    return write_proxy_files(tiny_coco(), rng)


def compare(proxy, other: str):
    return compare_masks(ScoredMasks(proxy.proxy, proxy.img_prefix), other)


def test_masks_beside_those_of_another_file(proxy):
    masks = ScoredMasks(proxy.proxy, proxy.img_prefix)
    # 11 has no true mask, the crowd 9 takes no part
    edit(proxy.truth, lambda anns: anns.pop(0))
    result = compare(proxy, proxy.truth)
    assert set(result.masks) == {3, 5, 8}
    for i, ann_id in enumerate(masks.ids.tolist()):
        if ann_id == 11:
            assert np.isnan(result.ious[i])
            continue
        pred, true = (
            mask_utils.decode(rle)
            for rle in (masks.rle(i), result.masks[ann_id]))
        assert result.ious[i] == pytest.approx(slow_iou(pred, true))
    known = result.ious[:3]
    assert result.summary == pytest.approx(
        slow_summary(known.tolist(), masks.labels[:3].tolist(), (50, 75)))


def test_another_file_that_does_not_fit(proxy):

    def renumber(anns):
        for ann in anns:
            ann['id'] += 1000

    with open(proxy.truth) as file:
        data = json.load(file)
    for img in data['images']:
        img['height'] += 1
    for ann in data['annotations']:
        if 'mask_score' in ann:
            mask = mask_utils.decode(ann['segmentation'])
            higher = mask_utils.encode(
                np.asfortranarray(np.pad(mask, ((0, 1), (0, 0)))))
            ann['segmentation'] = dict(
                size=higher['size'], counts=higher['counts'].decode())
    with open(proxy.unmerged, 'w') as file:
        json.dump(data, file)
    with pytest.raises(
            ValueError, match=r'Annotation \d+: the image has \[height'):
        compare(proxy, proxy.unmerged)

    edit(proxy.truth, renumber)
    with pytest.raises(ValueError, match='no mask for any of the 4'):
        compare(proxy, proxy.truth)


def test_data_set_without_true_masks(images):
    del images[0].gt_instances.segmentations
    with pytest.raises(ValueError, match='a.png: a box has no true mask'):
        run_metric(images)
