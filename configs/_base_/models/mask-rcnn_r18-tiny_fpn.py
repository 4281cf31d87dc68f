# A Mask R-CNN that two CPU cores can train: ResNet-18 of half width, 48
# channels everywhere else, trained from scratch.
_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'

model = dict(
    data_preprocessor=dict(pad_size_divisor=32),
    backbone=dict(
        depth=18,
        base_channels=32,
        frozen_stages=-1,
        norm_eval=False,
        init_cfg=None),
    neck=dict(
        in_channels=[32, 64, 128, 256],
        out_channels=48,
        num_outs=4,
        norm_cfg=dict(type='BN')),
    rpn_head=dict(
        in_channels=48,
        feat_channels=48,
        anchor_generator=dict(scales=[6], strides=[4, 8, 16, 32])),
    roi_head=dict(
        # One sampling point per bin; with more, RoIAlign takes a third of the
        # time of a step.
        bbox_roi_extractor=dict(
            roi_layer=dict(sampling_ratio=1),
            out_channels=48,
            featmap_strides=[4, 8, 16],
            finest_scale=28),
        # Class-agnostic boxes and masks: all objects train the same weights.
        bbox_head=dict(
            in_channels=48, fc_out_channels=256, reg_class_agnostic=True),
        mask_roi_extractor=dict(
            roi_layer=dict(sampling_ratio=1),
            out_channels=48,
            featmap_strides=[4, 8, 16],
            finest_scale=28),
        mask_head=dict(
            num_convs=3,
            in_channels=48,
            conv_out_channels=48,
            class_agnostic=True)),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=200, max_per_img=100),
        rcnn=dict(sampler=dict(num=32))),
    test_cfg=dict(
        rpn=dict(nms_pre=100, max_per_img=50), rcnn=dict(max_per_img=20)))
