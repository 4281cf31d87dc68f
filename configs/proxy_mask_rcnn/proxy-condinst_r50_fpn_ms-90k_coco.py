# CondInst, a one-stage detector.
_base_ = [
    'mmdet::condinst/condinst_r50_fpn_ms-poly-90k_coco_instance.py',
    '../_base_/datasets/proxy_coco.py', '../_base_/tensorboard.py'
]

model = dict(mask_head=dict(type='mmboxcaseg.ProxyCondInstMaskHead'))

train_pipeline = [
    dict(t, type=_base_.proxy_types.get(t['type'], t['type']))
    for t in _base_.train_pipeline
]
train_dataloader = dict(
    dataset=dict(_base_.proxy_coco, pipeline=train_pipeline))
val_evaluator = test_evaluator = dict(type='mmboxcaseg.CocoMetric')
visualizer = dict(vis_backends=_base_.tensorboard)
