# RTMDet-Ins, a one-stage detector. A hook switches to another pipeline for the
# last 20 epochs; both load proxy masks.
_base_ = [
    'mmdet::rtmdet/rtmdet-ins_s_8xb32-300e_coco.py',
    '../_base_/datasets/proxy_coco.py', '../_base_/tensorboard.py'
]

model = dict(bbox_head=dict(type='mmboxcaseg.ProxyRTMDetInsSepBNHead'))

train_pipeline = [
    dict(t, type=_base_.proxy_types.get(t['type'], t['type']))
    for t in _base_.train_pipeline
]
train_dataloader = dict(
    dataset=dict(_base_.proxy_coco, pipeline=train_pipeline))
train_pipeline_stage2 = [
    dict(t, type=_base_.proxy_types.get(t['type'], t['type']))
    for t in _base_.train_pipeline_stage2
]
custom_hooks = [
    dict(
        type='EMAHook',
        ema_type='ExpMomentumEMA',
        momentum=0.0002,
        update_buffers=True,
        priority=49),
    dict(
        type='PipelineSwitchHook',
        switch_epoch=280,
        switch_pipeline=train_pipeline_stage2)
]
# The learning rate is that for 8 x 32 images; mmdet's config has 16 here.
auto_scale_lr = dict(base_batch_size=256)
val_evaluator = test_evaluator = dict(type='mmboxcaseg.CocoMetric')
visualizer = dict(vis_backends=_base_.tensorboard)
