import os.path as osp
import sys

import mmdet
import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS
from small_data import ROOT

from mmboxcaseg import InputError
from mmboxcaseg.checks.config_types import check_types

MMDET = osp.join(osp.dirname(mmdet.__file__), '.mim/configs')
# Settings that mmdet takes apart itself: dcn, Albu, switch_pipeline, ...
UNUSUAL = [
    'albu_example/mask-rcnn_r50_fpn_albu-1x_coco.py',
    'cascade_rpn/cascade-rpn_r50-caffe_fpn_1x_coco.py',
    'detr/detr_r50_8xb2-150e_coco.py',
    'fpg/mask-rcnn_r50_fpg_crop640-50e_coco.py',
    'rtmdet/rtmdet-ins_s_8xb32-300e_coco.py',
    'timm_example/retinanet_timm-efficientnet-b1_fpn_1x_coco.py',
    'vfnet/vfnet_r101-mdconv-c3-c5_fpn_ms-2x_coco.py',
]


@DATASETS.register_module()
class DatasetOfAUser:

    def __init__(self, **kwargs) -> None:
        self.colour = kwargs.pop('colour')


@pytest.mark.parametrize('path', UNUSUAL)
@pytest.mark.parametrize('program', ['train', 'test'])
def test_nothing_of_mmdet_is_refused(path, program):
    check_types(Config.fromfile(f'{MMDET}/{path}'), program)


@pytest.mark.parametrize('path',
                         sorted(map(str, (ROOT / 'configs').glob('*/*_*.py'))))
def test_our_configs(path):
    cfg = Config.fromfile(path)
    if 'model' in cfg:
        check_types(cfg, 'train')


@pytest.mark.parametrize('settings, message', [
    (dict(model=dict(type='MaskRCN')),
     "model.type: there is no model 'MaskRCN'. Did you "
     "mean 'MaskRCNN'?"),
    (dict(model=dict(type='mmboxcaseg.BoxCaseg', neck=dict(type='Resize'))),
     "model.neck.type: there is no model 'Resize'"),
    (dict(model=dict(type='mmboxcaseg.BoxCaseg', colour=1)),
     "model.colour: BoxCaseg has no argument 'colour'"),
    (dict(
        model=dict(
            type='mmboxcaseg.BoxCaseg',
            backbone=dict(
                type='mmpretrain.TIMMBackbone', model_name='resnet10'))),
     "model.backbone.model_name: timm has no model 'resnet10'. Did you mean "
     "'resnet10t'?"),
    (dict(
        train_dataloader=dict(
            dataset=dict(
                type='RepeatDataset',
                dataset=dict(
                    type='CocoDataset', pipeline=[dict(type='LoadImge')])))),
     "train_dataloader.dataset.dataset.pipeline.0.type: there is no transform "
     "'LoadImge'"),
    (dict(train_dataloader=dict(batch_sice=3)),
     "train_dataloader.batch_sice: DataLoader has no argument"),
    (dict(default_hooks=dict(timer=dict(type='IterTimerHok'))),
     "default_hooks.timer.type: there is no hook"),
    (dict(custom_hooks=[dict(type='mmdet.MeanTeacherHook', speed=1)]),
     "custom_hooks.0.speed: MeanTeacherHook has no argument 'speed'"),
    (dict(train_cfg=dict(type='EpochBasedTrainLoop')),
     "train_cfg.type: EpochBasedTrainLoop also needs 'max_epochs'"),
    (dict(optim_wrapper=dict(optimizer=dict(type='SGD', rate=1))),
     "optim_wrapper.optimizer.rate: SGD has no argument 'rate'"),
    (dict(param_scheduler=[dict(type='PolyLR', powr=1)]),
     "param_scheduler.0.powr: PolyLR has no argument 'powr'"),
    (dict(val_evaluator=[dict(type='CocoMetric', ann_fil='a')]),
     "val_evaluator.0.ann_fil: CocoMetric has no argument"),
    (dict(val_evaluator=dict(type='mmboxcaseg.InstanceIoU')),
     "val_evaluator.type: there is no metric 'mmboxcaseg.InstanceIoU'. Did "
     "you mean 'mmboxcaseg.InstanceIoUMetric'?"),
    (dict(visualizer=dict(vis_backends=[dict(type='LocalVisBacken')])),
     "visualizer.vis_backends.0.type: there is no vis_backend"),
])
def test_refused(settings, message):
    cfg = Config(dict(default_scope='mmdet', **settings), filename=__file__)
    with pytest.raises(InputError) as error:
        check_types(cfg, 'train')
    assert f'{__file__} cannot be run: {message}' in str(error.value)


@pytest.mark.parametrize(
    'name',
    ['resnet10t', 'tf_efficientnet_lite0.in1k', 'hf-hub:timm/anything'])
def test_models_of_timm(name):
    backbone = dict(type='mmpretrain.TIMMBackbone', model_name=name)
    model = dict(type='mmboxcaseg.BoxCaseg', backbone=backbone)
    check_types(Config(dict(default_scope='mmdet', model=model)), 'train')


def test_timm_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    backbone = dict(type='mmpretrain.TIMMBackbone', model_name='resnet10t')
    model = dict(type='mmboxcaseg.BoxCaseg', backbone=backbone)
    with pytest.raises(InputError, match='backbone.type needs timm. Install'):
        check_types(Config(dict(default_scope='mmdet', model=model)), 'train')


def test_only_what_the_program_builds():
    cfg = Config(
        dict(default_scope='mmdet', test_evaluator=dict(type='CocoMetrics')))
    check_types(cfg, 'train')
    with pytest.raises(InputError, match='CocoMetric'):
        check_types(cfg, 'test')


def test_kwargs_of_other_code_are_unknown():
    dataset = dict(type='DatasetOfAUser', colour='red', path='a')
    check_types(Config(dict(train_dataloader=dict(dataset=dataset))), 'train')
