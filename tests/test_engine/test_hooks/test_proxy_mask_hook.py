import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from mmboxcaseg.apis import init_labeller, label_boxes
from mmboxcaseg.engine import ProxyMaskHook
from mmboxcaseg.proxy import load_proxy

CONFIG = Path(
    __file__).resolve().parents[3] / 'configs/toy/boxcaseg_hrnetv2-tiny_toy.py'


@pytest.fixture
def config(tmp_path, tiny_coco, build_labeller) -> Config:
    """A test of the toy labeller on the boxes of ``tiny_coco``."""
    torch.save(
        dict(state_dict=build_labeller().state_dict()), tmp_path / 'tiny.pth')
    cfg = Config.fromfile(CONFIG)
    cfg.load_from = str(tmp_path / 'tiny.pth')
    cfg.log_level = 'WARNING'
    cfg.test_dataloader, cfg.test_evaluator = cfg.label_dataloader, []
    cfg.test_dataloader.update(num_workers=0, batch_size=1)
    cfg.test_dataloader.dataset.update(tiny_coco(), data_root='')
    return cfg


@pytest.fixture
def new_runner(config, tmp_path):
    """Builds the runner of a test that writes a proxy file."""
    numbers = iter(range(9))

    def build(out='out.json', data=(), **hook) -> Runner:
        cfg = Config(config.to_dict(), filename=config.filename)
        cfg.merge_from_dict({
            f'test_dataloader.{key}': value
            for key, value in dict(data).items()
        })
        cfg.work_dir = str(tmp_path / 'work')
        cfg.experiment_name = f'{tmp_path.name}_{next(numbers)}'
        hook = dict(
            type='mmboxcaseg.ProxyMaskHook',
            out_file=str(tmp_path / out),
            **hook)
        cfg.custom_hooks = [hook]
        return Runner.from_cfg(cfg)

    return build


def masks_of(path: Path) -> dict:
    """Records of the annotations that have a mask, by id."""
    return {
        ann['id']: ann
        for ann in load_proxy(str(path))['annotations'] if 'mask_score' in ann
    }


def test_masks_are_those_of_the_api(new_runner, config, tmp_path):
    new_runner().test()
    masks = masks_of(tmp_path / 'out.json')
    assert masks.keys() == {3, 5, 8, 11}
    model = init_labeller(config, config.load_from, 'cpu')
    image = str(tmp_path / 'images/a.png')
    boxes = [[2.5, 3.25, 32.5, 33.75], [5, 6, 25, 21]]
    found = label_boxes(model, image, boxes, with_expected_iou=True)
    for ann_id, mask, score, iou in zip((5, 11), *found):
        written = mask_utils.decode(masks[ann_id]['segmentation'])
        assert np.mean(written != mask) < 0.01
        assert masks[ann_id]['mask_score'] == pytest.approx(score, abs=0.05)
        assert masks[ann_id]['expected_iou'] == pytest.approx(iou, abs=0.01)
        assert 0 < iou < 1


def test_provenance(new_runner, tmp_path):
    new_runner(off_by_one=True, merge_by='mask').test()
    record = load_proxy(str(tmp_path / 'out.json'))['info']['mmboxcaseg']
    name = 'boxcaseg_hrnetv2-tiny_toy'
    digest = record['checkpoint_sha256']
    assert record['mask_source'] == f'{name}@{digest[:8]}'
    assert record['config'] == name and len(digest) == 64
    assert (record['merge_by'], record['off_by_one']) == ('mask', True)
    assert record['versions']['torch'] == torch.__version__
    assert record['pipeline'][1]['type'] == 'mmboxcaseg.CropBoxes'


def test_unknown_merge_rule():
    with pytest.raises(InputError, match="merge_by='size'"):
        ProxyMaskHook('out.json', merge_by='size')


def test_merging_by_probability(new_runner, tmp_path):
    areas = {}
    for rule in ('box', 'probability', None):
        new_runner(merge_by=rule).test()
        masks = masks_of(tmp_path / 'out.json').values()
        areas[rule] = sum(mask_utils.area(m['segmentation']) for m in masks)
    assert areas['box'] <= areas['probability'] <= areas[None]
    assert areas['box'] < areas[None]


@pytest.mark.parametrize('data', [
    dict(batch_size=3),
    dict(batch_size=2, batch_sampler=dict(type='mmboxcaseg.BoxBatchSampler')),
    dict(num_workers=1),
])
def test_bytes_do_not_depend_on_batches(new_runner, tmp_path, data):
    new_runner().test()
    new_runner('other.json', data).test()
    assert (tmp_path / 'other.json').read_bytes() == (tmp_path /
                                                      'out.json').read_bytes()


@pytest.fixture
def count_images(monkeypatch) -> list:
    """Collects the ids of the images that are labelled."""
    seen = []
    store = ProxyMaskHook._store

    def count(self, sample):
        seen.append(sample.img_id)
        store(self, sample)

    monkeypatch.setattr(ProxyMaskHook, '_store', count)
    return seen


@pytest.mark.parametrize('num_done', [1, 2, 3])
def test_resume(new_runner, tmp_path, count_images, num_done):
    new_runner('whole.json').test()
    whole = (tmp_path / 'whole.json').read_bytes()
    # Stop before the file is written, and keep only some images.
    runner = new_runner()
    hook = next(
        hook for hook in runner.hooks if isinstance(hook, ProxyMaskHook))
    hook.after_test = lambda runner: hook._wait(0)
    runner.test()
    shard = tmp_path / 'out.json.shards/rank0.jsonl'
    lines = shard.read_text().splitlines(keepends=True)
    shard.write_text(''.join(lines[:num_done]))
    done = [json.loads(line)[0] for line in lines[:num_done]]

    count_images.clear()
    new_runner().test()
    # At least one is labelled: a data set must not be empty.
    assert len(count_images) == max(3 - num_done, 1)
    assert num_done == 3 or not set(done) & set(count_images)
    assert (tmp_path / 'out.json').read_bytes() == whole
    assert not shard.parent.exists()


def test_weight_of_low_scores(new_runner, tmp_path):
    new_runner().test()
    scores = {
        ann_id: ann['mask_score']
        for ann_id, ann in masks_of(tmp_path / 'out.json').items()
    }
    threshold = sorted(scores.values())[2]
    new_runner('weights.json', mask_weight_thr=threshold).test()
    for ann_id, ann in masks_of(tmp_path / 'weights.json').items():
        assert ann['mask_score'] == scores[ann_id]
        low = scores[ann_id] < threshold
        assert ann.get('mask_weight') == (0 if low else None)


def test_beside_a_metric(new_runner, config, tiny_coco, tmp_path):

    def add_masks(data):
        for ann in data['annotations']:
            x, y, w, h = ann['bbox']
            ann['segmentation'] = [[x, y, x + w, y, x + w, y + h, x, y + h]]

    tiny_coco(add_masks)
    config.test_evaluator = dict(type='mmboxcaseg.InstanceIoUMetric')
    metrics = new_runner().test()
    assert 0 < metrics['mask/mIoU_star'] < 1
    assert len(masks_of(tmp_path / 'out.json')) == 4


def test_error_in_the_thread_ends_the_test(new_runner, monkeypatch, tmp_path):

    def fail(self, sample):
        raise OSError('disk full')

    monkeypatch.setattr(ProxyMaskHook, '_store', fail)
    with pytest.raises(OSError, match='disk full'):
        new_runner().test()
    assert not (tmp_path / 'out.json').exists()


def test_single_boxes_are_refused(new_runner, tmp_path):
    with pytest.raises(ValueError, match='per_image=True'):
        new_runner(data={'dataset.per_image': False}).test()
    assert not (tmp_path / 'out.json.shards').exists()
