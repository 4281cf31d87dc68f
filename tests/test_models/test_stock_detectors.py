"""Detectors of mmdet with our mask heads instead of the stock ones."""
import copy

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.utils import register_all_modules
from mmengine.config import Config, ConfigDict
from mmengine.hub import get_config
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from mmboxcaseg.registry import MODELS
from mmboxcaseg.structures.window_masks import WindowMasks

RESNET = dict(depth=18, base_channels=16, init_cfg=None)
TWO_STAGE = dict(backbone=RESNET, neck=dict(in_channels=[16, 32, 64, 128]))
DETECTORS = {
    'Mask R-CNN': ('mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', TWO_STAGE),
    'Cascade Mask R-CNN':
    ('cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco.py', TWO_STAGE),
    'HTC': ('htc/htc-without-semantic_r50_fpn_1x_coco.py', TWO_STAGE),
    'Mask Scoring R-CNN':
    ('ms_rcnn/ms-rcnn_r50-caffe_fpn_1x_coco.py', TWO_STAGE),
    'PointRend':
    ('point_rend/point-rend_r50-caffe_fpn_ms-1x_coco.py', TWO_STAGE),
    'RTMDet-Ins': ('rtmdet/rtmdet-ins_tiny_8xb32-300e_coco.py',
                   dict(backbone=dict(init_cfg=None))),
    'CondInst':
    ('condinst/condinst_r50_fpn_ms-poly-90k_coco_instance.py', TWO_STAGE),
}
HEADS = ('FCNMaskHead', 'HTCMaskHead', 'CoarseMaskHead', 'MaskPointHead',
         'MaskIoUHead', 'RTMDetInsHead', 'RTMDetInsSepBNHead',
         'CondInstMaskHead')
MASK_LOSSES = ('loss_mask', 'loss_point')
SIZE = 128


def replace_heads(cfg: ConfigDict) -> int:
    """Replace mmdet's heads by ours; returns how many."""
    number = 0
    if isinstance(cfg, list):
        return sum(map(replace_heads, cfg))
    if isinstance(cfg, dict):
        if cfg.get('type') in HEADS:
            cfg['type'] = f'mmboxcaseg.Proxy{cfg["type"]}'
            number += 1
        number += sum(map(replace_heads, cfg.values()))
    return number


def build_pair(name: str) -> tuple:
    """Our detector and the stock one with the same parameters."""
    path, changes = DETECTORS[name]
    stock = get_config(f'mmdet::{path}').model
    cfg = Config(dict(model=stock))
    cfg.merge_from_dict(dict(model=changes))
    stock, ours = cfg.model, copy.deepcopy(cfg.model)
    assert replace_heads(ours)
    with DefaultScope.overwrite_default_scope('mmdet'):
        models = [MODELS.build(model) for model in (ours, stock)]
    torch.manual_seed(0)
    for param in models[1].parameters():
        if param.dim() > 1:
            torch.nn.init.kaiming_normal_(param)
    models[0].load_state_dict(models[1].state_dict())
    return [model.train() for model in models]


def make_batch(weights: list) -> dict:
    """Two images of three objects."""
    rng = np.random.default_rng(0)
    samples = []
    for values in weights:
        low = rng.integers(0, SIZE - 64, (3, 2))
        windows = np.concatenate([low, low + rng.integers(24, 64, (3, 2))], 1)
        parts = [
            rng.integers(0, 2, (y1 - y0, x1 - x0)).astype(np.uint8)
            for x0, y0, x1, y1 in windows
        ]
        gt = InstanceData(
            bboxes=HorizontalBoxes(windows.astype(np.float32)),
            labels=torch.from_numpy(rng.integers(0, 80, 3)),
            masks=WindowMasks(parts, windows, values, SIZE, SIZE),
            mask_weights=torch.tensor(values, dtype=torch.float32))
        sample = DetDataSample(
            gt_instances=gt,
            ignored_instances=InstanceData(
                bboxes=HorizontalBoxes(np.zeros((0, 4), np.float32))),
            metainfo=dict(
                img_shape=(SIZE, SIZE),
                ori_shape=(SIZE, SIZE),
                scale_factor=(1., 1.)))
        samples.append(sample)
    images = torch.from_numpy(
        rng.integers(0, 256, (len(weights), 3, SIZE, SIZE), dtype=np.uint8))
    return dict(inputs=list(images), data_samples=samples)


def compute_losses(model, weights: list) -> dict:
    """The losses of a training step; parameters get their gradients."""
    torch.manual_seed(1)
    batch = model.data_preprocessor(make_batch(weights), training=True)
    losses = model(**batch, mode='loss')
    total, log = model.parse_losses(losses)
    model.zero_grad()
    total.backward()
    return log


def gradients(model) -> dict:
    return {
        name: param.grad
        for name, param in model.named_parameters() if param.requires_grad
    }


@pytest.fixture(scope='module', autouse=True)
def registered():
    register_all_modules(init_default_scope=False)


@pytest.mark.parametrize('name', DETECTORS)
def test_a_training_step(name):
    """With weights of 1 the detector equals the stock one bit by bit.

    With weights of 0 the box losses are the same, and the mask losses and
    their gradients are 0.
    """
    ours, stock = build_pair(name)
    ones, zeros = [[1, 1, 1]] * 2, [[0, 0, 0]] * 2
    log, expected = compute_losses(ours, ones), compute_losses(stock, ones)
    shares = {key for key in log if key.endswith('mask_share')}
    assert shares and log.keys() - shares == expected.keys()
    assert all(log[key] == 1 for key in shares)
    for key, value in expected.items():
        assert torch.equal(log[key], value), key
    for key, grad in gradients(stock).items():
        assert torch.equal(grad, gradients(ours)[key]), key

    log = compute_losses(ours, zeros)
    for key, value in expected.items():
        if key.endswith(MASK_LOSSES + ('loss_mask_iou', )):
            assert value > 0 and log[key] == 0
        elif key != 'loss':
            assert torch.equal(log[key], value), key
    for key, grad in gradients(ours).items():
        # DistributedDataParallel waits for all of them.
        assert grad is not None, key
        if 'mask_head' in key or 'point_head' in key or 'mask_iou' in key:
            assert not grad.any(), key


@pytest.mark.parametrize('name', ['Mask R-CNN', 'Cascade Mask R-CNN'])
def test_dropped_masks_affect_the_mask_head_only(name):
    """The mask heads are trained on the RoIs of the kept masks.

    The box heads are trained on all instances.
    """
    ours, stock = build_pair(name)
    compute_losses(ours, [[1, 0, 1], [0, 0, 1]])
    dropped = gradients(ours)
    compute_losses(stock, [[1, 1, 1]] * 2)
    full = gradients(stock)
    # Gradients of the mask loss reach shared layers, but not the box heads.
    boxes = [key for key in full if 'bbox_head' in key]
    assert boxes
    for key in boxes:
        assert torch.equal(dropped[key], full[key]), key

    hide_dropped(stock)
    compute_losses(stock, [[1, 0, 1], [0, 0, 1]])
    masks = [key for key in full if 'mask_head' in key]
    assert masks
    for key in masks:
        assert not torch.equal(dropped[key], full[key])
        torch.testing.assert_close(
            dropped[key], gradients(stock)[key], rtol=1e-4, atol=1e-6)


def hide_dropped(model) -> None:
    """Pass only the kept RoIs to the mask heads of a stock detector."""
    roi_head = model.roi_head
    mask_loss = roi_head.mask_loss

    def of_kept(*args):
        args = list(args)
        at = next(i for i, arg in enumerate(args)
                  if isinstance(arg, list) and hasattr(arg[0], 'pos_priors'))
        gts = args[-1]
        kept = []
        for result, gt in zip(args[at], gts):
            result = copy.copy(result)
            keep = gt.mask_weights[result.pos_assigned_gt_inds] > 0
            for key in ('pos_inds', 'pos_priors', 'pos_gt_labels',
                        'pos_assigned_gt_inds'):
                setattr(result, key, getattr(result, key)[keep])
            kept.append(result)
        args[at] = kept
        return mask_loss(*args)

    roi_head.mask_loss = of_kept
