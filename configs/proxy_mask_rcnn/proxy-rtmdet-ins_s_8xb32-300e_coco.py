# RTMDet-Ins, a detector of one stage. The last 20 epochs have a pipeline of
# their own, set by a hook; both load proxy masks. The twin loads polygons;
# masks of the labeller are bitmaps.
_base_ = [
    'mmdet::rtmdet/rtmdet-ins_s_8xb32-300e_coco.py', '../_base_/tensorboard.py'
]

model = dict(bbox_head=dict(type='mmboxcaseg.ProxyRTMDetInsSepBNHead'))

train_pipeline = [
    dict(type='LoadImageFromFile', backend_args={{_base_.backend_args}}),
    dict(
        type='mmboxcaseg.LoadProxyAnnotations', with_bbox=True,
        with_mask=True),
    dict(type='CachedMosaic', img_scale=(640, 640), pad_val=114.0),
    dict(
        type='RandomResize',
        scale=(1280, 1280),
        ratio_range=(0.5, 2.0),
        keep_ratio=True),
    dict(
        type='RandomCrop',
        crop_size=(640, 640),
        recompute_bbox=True,
        allow_negative_crop=True),
    dict(type='YOLOXHSVRandomAug'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='Pad', size=(640, 640), pad_val=dict(img=(114, 114, 114))),
    dict(
        type='CachedMixUp',
        img_scale=(640, 640),
        ratio_range=(1.0, 1.0),
        max_cached_images=20,
        pad_val=(114, 114, 114)),
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1, 1)),
    dict(type='mmboxcaseg.PackProxyInputs')
]
train_pipeline_stage2 = [
    dict(type='LoadImageFromFile', backend_args={{_base_.backend_args}}),
    dict(
        type='mmboxcaseg.LoadProxyAnnotations', with_bbox=True,
        with_mask=True),
    dict(
        type='RandomResize',
        scale=(640, 640),
        ratio_range=(0.5, 2.0),
        keep_ratio=True),
    dict(
        type='RandomCrop',
        crop_size=(640, 640),
        recompute_bbox=True,
        allow_negative_crop=True),
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1, 1)),
    dict(type='YOLOXHSVRandomAug'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='Pad', size=(640, 640), pad_val=dict(img=(114, 114, 114))),
    dict(type='mmboxcaseg.PackProxyInputs')
]
train_dataloader = dict(
    dataset=dict(
        type='mmboxcaseg.ProxyCocoDataset',
        data_root='',
        ann_file='work_dirs/coco/label.json',  # written by tools/label.py
        data_prefix=dict(img='data/coco/train2017/'),
        mask_score_thr=0.95,
        pipeline=train_pipeline))
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
# The learning rate is that of 8 x 32 images; mmdet's config says 16.
auto_scale_lr = dict(base_batch_size=256)
visualizer = dict(vis_backends={{_base_.tensorboard}})
