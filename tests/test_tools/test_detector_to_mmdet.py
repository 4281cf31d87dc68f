"""A detector of this project runs where mmboxcaseg is not installed.

tests/test_chain/test_detector.py converts the checkpoint of a training.
"""
import subprocess
import sys
from types import SimpleNamespace

import cv2
import mmdet.registry
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from small_data import ROOT, load_tool, run_tool
from stock_mmdet import check_same_detections, detect_here

from mmboxcaseg.models import dense_heads, roi_heads
from mmboxcaseg.registry import MODELS

NAME = 'model_converters/detector_to_mmdet'
HEADS = roi_heads.__all__ + dense_heads.__all__
# Base config, and what differs in its model. Weights are random, so the
# scores are low.
TWO_STAGE = 'test_cfg=dict(rcnn=dict(score_thr=0))'
DETECTORS = {
    'Mask R-CNN': ('toy/proxy-mask-rcnn_r18-tiny_toy', TWO_STAGE),
    'EfficientNet-Lite0':
    ('proxy_mask_rcnn/proxy-mask-rcnn_efficientnet-lite0_coco-mini',
     TWO_STAGE),
    'CondInst': ('proxy_mask_rcnn/proxy-condinst_r50_fpn_ms-90k_coco',
                 'backbone=dict(depth=18, base_channels=16, init_cfg=None), '
                 'neck=dict(in_channels=[16, 32, 64, 128]), '
                 'test_cfg=dict(score_thr=0)'),
}
# As new_dataset.py writes it without --val.
CONFIG = '''
_base_ = '{root}/configs/{base}.py'
model = dict({model})
test_cfg = test_dataloader = test_evaluator = None
'''


@pytest.fixture
def make(tmp_path, rng):
    """Writes a config, a checkpoint of random weights and an image."""

    def write(base: str, model: str) -> SimpleNamespace:
        config = tmp_path / 'detector.py'
        config.write_text(CONFIG.format(root=ROOT, base=base, model=model))
        init_default_scope('mmdet')
        torch.manual_seed(0)
        detector = MODELS.build(Config.fromfile(config).model)
        for param in detector.parameters():
            if param.dim() > 1:
                torch.nn.init.kaiming_normal_(param, a=1)
        weights, image = tmp_path / 'epoch_1.pth', tmp_path / 'image.png'
        # As many as the largest of the configs has: labels are random.
        classes = tuple(f'class {i}' for i in range(80))
        meta = dict(dataset_meta=dict(classes=classes))
        torch.save(
            dict(meta=meta, state_dict=detector.state_dict(), optimizer={}),
            weights)
        pixels = rng.integers(0, 256, (120, 160, 3), 'u1')
        cv2.imwrite(str(image), pixels)
        return SimpleNamespace(config=config, weights=weights, image=image)

    return write


@pytest.mark.parametrize('name', DETECTORS)
def test_same_detections(monkeypatch, make, tmp_path, name):
    files = make(*DETECTORS[name])
    out = tmp_path / 'detector.pth'
    run_tool(monkeypatch, NAME, files.config, files.weights, out)
    # Without the function that MMEngine replaces by one that trusts files.
    code = f'import torch; torch.load({str(out)!r}, weights_only=True)'
    subprocess.run([sys.executable, '-c', code], check=True)
    assert torch.load(out).keys() == {'meta', 'state_dict'}
    expected = detect_here(files.image, files.weights, files.config)
    check_same_detections(expected, files.image, out)


def test_no_weights_are_downloaded(monkeypatch, make, tmp_path):
    timm = ("backbone=dict(_delete_=True, type='mmpretrain.TIMMBackbone', "
            "model_name='tf_efficientnet_lite0', features_only=True, "
            'out_indices=(1, 2, 3, 4))')
    files = make(
        'proxy_mask_rcnn/proxy-mask-rcnn_efficientnet-lite0_coco-mini', timm)
    text = files.config.read_text()
    files.config.write_text(
        text.replace('features_only', 'pretrained=True, features_only'))
    out = tmp_path / 'detector.pth'
    run_tool(monkeypatch, NAME, files.config, files.weights, out)
    meta = torch.load(out, weights_only=True)['meta']
    assert 'pretrained=False' in meta['cfg']


@pytest.mark.parametrize('head', HEADS)
def test_every_head_has_a_stock_one(head):
    cfg = dict(heads=(dict(type=f'mmboxcaseg.{head}', num_classes=4), ))
    stock, = load_tool(NAME).to_stock(cfg)['heads']
    assert stock['num_classes'] == 4
    base = mmdet.registry.MODELS.get(stock['type'])
    assert base.__module__.startswith('mmdet.')
    assert issubclass(MODELS.get(head), base)


def test_checkpoint_without_classes(refused, data):
    init_default_scope('mmdet')
    model = MODELS.build(Config.fromfile(data.detector).model)
    weights, out = data.folder / 'epoch_1.pth', data.folder / 'out.pth'
    torch.save(model.state_dict(), weights)
    output = refused(NAME, data.detector, weights, out)
    assert 'epoch_1.pth does not name its classes' in output
    assert not out.exists()


def test_class_that_mmdet_lacks(refused, data, tmp_path):
    (tmp_path / 'epoch_1.pth').touch()
    output = refused(NAME, data.labeller, tmp_path / 'epoch_1.pth', 'out.pth')
    assert 'labeller.py: mmdet has no mmboxcaseg.BoxCaseg, ' in output


def test_other_config(refused, tmp_path):
    path = tmp_path / 'detector.py'
    path.write_text('model = dict()')
    (tmp_path / 'epoch_1.pth').touch()
    output = refused(NAME, path, tmp_path / 'epoch_1.pth', 'out.pth')
    assert 'detector.py is not the config of a detector' in output
