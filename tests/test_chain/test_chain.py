"""The three stages one after the other, in miniature."""
import hashlib
import json
import re
from itertools import combinations

import cv2
import numpy as np
import pytest
import torch
from mmengine.fileio import load
from pycocotools.coco import COCO

from mmboxcaseg.evaluation import evaluate_mask_file, mask_iou
from mmboxcaseg.structures import agreement, pixel_boxes

STEPS = ('labeller', 'label', 'val_box', 'val_grabcut', 'val_weak',
         'val_fused', 'val_merged', 'proxy', 'proxy_test', 'figures', 'full',
         'full_test')
LABELLER_ROWS = ('box', 'grabcut', 'weak', 'fused', 'merged')
LABELLER_KEYS = ('mIoU_star', 'IoU_50', 'IoU_75')
DETECTOR_KEYS = ('bbox_AP50', 'segm_AP', 'segm_AP50', 'segm_AP75')


def flatten(tree: dict, prefix: str = '') -> dict:
    flat = dict()
    for key, value in tree.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f'{prefix}{key}.'))
        else:
            flat[prefix + key] = value
    return flat


def expected_keys() -> set:
    keys = {f'labeller.{r}.{k}' for r in LABELLER_ROWS for k in LABELLER_KEYS}
    keys |= {
        f'detector.{name}.{key}'
        for name in ('proxy', 'full')
        for key in DETECTOR_KEYS
    }
    keys |= {
        f'seconds.{name}'
        for name in ('labeller', 'label', 'proxy', 'full')
    }
    keys |= {
        f'proxy.{name}'
        for name in ('instances', 'kept', 'drop_rate', 'mask_score',
                     'expected_iou')
    }
    return keys | {'detector.ratio_segm_AP50'}


def test_summary(chain):
    summary = flatten(load(chain.work_dir / 'summary.json'))
    assert set(summary) == expected_keys()
    for key, value in summary.items():
        if key.startswith('labeller.') or key.endswith('drop_rate'):
            assert 0 <= value <= 1, key
        elif key.startswith('seconds.'):
            assert value > 0, key
    # The fully supervised baseline finds nothing here.
    assert summary['detector.full.segm_AP50'] == 0
    assert summary['detector.ratio_segm_AP50'] is None


def test_table_is_printed(chain):
    summary = load(chain.work_dir / 'summary.json')
    for name in LABELLER_ROWS:
        row = summary['labeller'][name]
        numbers = r'\s+'.join(f'{row[key]:.3f}' for key in LABELLER_KEYS)
        assert re.search(rf'{name}\s+{numbers}\n', chain.output), name


def test_every_step_ran_once(chain):
    assert tuple(re.findall(r'^\[(\w+)\] ', chain.output, re.M)) == STEPS
    assert 'done before' not in chain.output


@pytest.mark.parametrize('name', ['masks', 'detections', 'pipeline'])
def test_figures(chain, name):
    figure = cv2.imread(str(chain.work_dir / f'{name}.png'))
    assert min(figure.shape[:2]) > 100
    assert figure.std() > 10


def test_second_call_runs_nothing(chain, workspace):
    record = chain.work_dir / 'summary.json'
    before = record.read_bytes()
    output = workspace.run(*chain.command)
    steps = re.findall(r'^\[(\w+)\] (done before)?', output, re.M)
    assert steps == [(name, 'done before') for name in STEPS]
    assert record.read_bytes() == before


@pytest.fixture(scope='module')
def proxies(chain) -> COCO:
    return COCO(str(chain.proxy_file))


def test_proxy_file_keeps_its_source(chain, proxies):
    source, proxy = load(chain.source), load(chain.proxy_file)
    assert [ann['id'] for ann in proxy['annotations']
            ] == [ann['id'] for ann in source['annotations']]
    for ours, theirs in zip(proxy['annotations'], source['annotations']):
        assert 'segmentation' not in theirs
        assert {key: ours[key] for key in theirs} == theirs
    assert proxy['images'] == source['images']
    assert proxy['categories'] == source['categories']


def test_proxy_annotations(chain, proxies):
    summary = load(chain.work_dir / 'summary.json')
    anns = proxies.loadAnns(proxies.getAnnIds())
    assert len(anns) == summary['proxy']['instances'] > 8
    for ann in anns:
        assert 0 <= ann['mask_score'] <= 1
        assert re.fullmatch(r'labeller@[0-9a-f]{8}', ann['mask_source'])
        assert isinstance(ann['segmentation']['counts'], str)
    assert {ann['mask_score'] for ann in anns} != {0}


def test_provenance(chain):
    record = load(chain.proxy_file)['info']['mmboxcaseg']
    digest = hashlib.sha256(chain.checkpoint.read_bytes()).hexdigest()
    assert record['checkpoint_sha256'] == digest
    assert record['config'] == 'labeller'
    assert (record['merge_by'], record['amp']) == ('box', False)
    assert record['versions']['torch'] == torch.__version__


def test_mixed_precision(chain, workspace, labeller_config, tmp_path):
    out = tmp_path / 'amp.json'
    workspace.run('label.py', labeller_config, chain.checkpoint, out, '--amp',
                  '--cfg-options', f'work_dir={tmp_path}')
    # The folder of the training keeps its config.
    assert (tmp_path / 'label/labeller.py').exists()
    assert not (tmp_path / 'labeller.py').exists()
    ours, theirs = load(out), load(chain.proxy_file)
    assert ours['info']['mmboxcaseg']['amp']
    ious = [
        mask_iou(ann['segmentation'], other['segmentation'])
        for ann, other in zip(ours['annotations'], theirs['annotations'])
        if other['mask_score']
    ]
    assert np.mean(ious) > 0.9


def test_masks_stay_in_their_boxes(proxies):
    for ann in proxies.loadAnns(proxies.getAnnIds()):
        mask = proxies.annToMask(ann)
        x, y, w, h = ann['bbox']
        (x0, y0, x1, y1), = pixel_boxes([[x, y, x + w, y + h]], *mask.shape)
        inside = mask[y0:y1, x0:x1]
        assert mask.sum() == inside.sum()
        # The score is that of the merged mask.
        assert ann['mask_score'] == round(agreement(inside), 6)


def test_masks_are_disjoint(proxies):
    touching_boxes = 0
    for img_id in proxies.getImgIds():
        anns = proxies.loadAnns(proxies.getAnnIds(img_id))
        for one, other in combinations(anns, 2):
            a, b = proxies.annToMask(one), proxies.annToMask(other)
            assert not (a & b).any(), (one['id'], other['id'])
            touching_boxes += overlap(one['bbox'], other['bbox'])
    assert touching_boxes, 'no two boxes overlap, so nothing was tested'


def overlap(one, other) -> bool:
    low = np.maximum(one[:2], other[:2])
    high = np.minimum(np.add(one[:2], one[2:]), np.add(other[:2], other[2:]))
    return bool((low < high).all())


def test_eval_masks_merges_as_label_does(chain, workspace):
    fused = chain.work_dir / 'val_fused.json'
    printed = workspace.run('analysis_tools/eval_masks.py', fused, chain.truth,
                            '--merge-by', 'box')
    merged = load(chain.work_dir / 'summary.json')['labeller']['merged']
    assert json.loads(printed.splitlines()[-1]) == {
        key: round(value, 4)
        for key, value in merged.items()
    }


def test_eval_masks_agrees(chain, workspace):
    files = chain.work_dir / 'val_merged.json', chain.truth
    row = evaluate_mask_file(*map(str, files))
    summary = load(chain.work_dir / 'summary.json')
    assert summary['labeller']['merged'] == row
    printed = workspace.run('analysis_tools/eval_masks.py', *files,
                            '--num-classes', '80')
    row = evaluate_mask_file(*map(str, files), num_classes=80)
    assert json.loads(printed.splitlines()[-1]) == {
        key: round(value, 4)
        for key, value in row.items()
    }
