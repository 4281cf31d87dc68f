_base_ = './mask-rcnn_r50_fpn_4x_vocaug.py'

model = dict(
    backbone=dict(
        depth=101, init_cfg=dict(checkpoint='torchvision://resnet101')))
