# Stage 3 on photographs: a small cut of COCO with 80 classes. MMBOXCASEG_DATA
# names the folder that holds coco_mini; the proxy file comes from label.py.
_base_ = '../toy/proxy-mask-rcnn_r18-tiny_toy.py'

data_root = '{{$MMBOXCASEG_DATA:data}}/coco_mini/'

model = dict(
    roi_head=dict(
        bbox_head=dict(num_classes=80), mask_head=dict(num_classes=80)))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='mmboxcaseg.LoadProxyAnnotations', with_bbox=True,
        with_mask=True),
    dict(type='Resize', scale=(320, 320), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmboxcaseg.PackProxyInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(320, 320), keep_ratio=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape',
                   'scale_factor'))
]
classes = dict(_delete_=True)  # those of COCO, mmdet's default

train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        metainfo=classes,
        ann_file='work_dirs/coco-mini/label.json',  # by tools/label.py
        data_prefix=dict(img=data_root + 'images/'),
        mask_score_thr=0.8,
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        metainfo=classes,
        data_prefix=dict(img='images/'),
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=data_root + 'annotations/instances_val.json')
test_evaluator = val_evaluator

max_epochs = 2  # of 93 iterations each
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=50),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=True,
        T_max=max_epochs,
        convert_to_iter_based=True)
]
default_hooks = dict(checkpoint=dict(interval=max_epochs))
