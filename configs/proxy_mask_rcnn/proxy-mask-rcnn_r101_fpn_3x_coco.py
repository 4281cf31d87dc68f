# mmdet's long schedule, with images of several sizes. An epoch shows every
# image three times, so the data set is one level deeper.
_base_ = [
    'mmdet::mask_rcnn/mask-rcnn_r101_fpn_ms-poly-3x_coco.py',
    '../_base_/datasets/proxy_coco.py', '../_base_/tensorboard.py'
]

model = dict(roi_head=dict(mask_head=dict(type='mmboxcaseg.ProxyFCNMaskHead')))

train_pipeline = [
    dict(t, type=_base_.proxy_types.get(t['type'], t['type']))
    for t in _base_.train_pipeline
]
train_dataloader = dict(
    dataset=dict(dataset=dict(_base_.proxy_coco, pipeline=train_pipeline)))
val_evaluator = test_evaluator = dict(type='mmboxcaseg.CocoMetric')
visualizer = dict(vis_backends=_base_.tensorboard)
