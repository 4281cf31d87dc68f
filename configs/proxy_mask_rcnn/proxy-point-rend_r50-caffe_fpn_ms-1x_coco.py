# PointRend: the coarse mask head and the point head both use mask weights.
_base_ = [
    'mmdet::point_rend/point-rend_r50-caffe_fpn_ms-1x_coco.py',
    '../_base_/datasets/proxy_coco.py', '../_base_/tensorboard.py'
]

model = dict(
    roi_head=dict(
        mask_head=dict(type='mmboxcaseg.ProxyCoarseMaskHead'),
        point_head=dict(type='mmboxcaseg.ProxyMaskPointHead')))

train_pipeline = [
    dict(t, type=_base_.proxy_types.get(t['type'], t['type']))
    for t in _base_.train_pipeline
]
train_dataloader = dict(
    dataset=dict(_base_.proxy_coco, pipeline=train_pipeline))
val_evaluator = test_evaluator = dict(type='mmboxcaseg.CocoMetric')
visualizer = dict(vis_backends=_base_.tensorboard)
