# Boxes of toy scenes and toy salient images, 9 : 7 in every batch; both
# stacked as crops of 96 px.
data_root = 'data/toy/'
crop_size = 96

box_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='mmboxcaseg.CropBoxes',
        size=crop_size,
        shift=(-0.25, 0.25),
        scale=(0.5, 1.5),
        flip_prob=0.5),
    dict(type='mmboxcaseg.PackCrops')
]
# The paper resizes to 320 and crops 288. So few salient images want more
# variety: sizes of 98 to 150 px by side, flips, colours.
salient_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='LoadAnnotations',
        with_bbox=False,
        with_label=False,
        with_seg=True),
    dict(type='RandomResize', scale=[(98, 98), (150, 150)], keep_ratio=False),
    dict(type='RandomCrop', crop_size=(crop_size, crop_size)),
    dict(
        type='RandomFlip',
        prob=[0.25, 0.25, 0.25],
        direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='PhotoMetricDistortion'),
    dict(type='mmboxcaseg.PackCrops')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmboxcaseg.CropBoxes', size=crop_size),
    dict(type='mmboxcaseg.PackCrops')
]

train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(
        type='mmboxcaseg.MultiSourceSampler',
        batch_size=16,
        source_ratio=(9, 7)),
    dataset=dict(
        type='ConcatDataset',
        ignore_keys=['classes'],
        datasets=[
            dict(
                type='mmboxcaseg.BoxCropDataset',
                data_root=data_root,
                ann_file='annotations/boxes_train.json',
                data_prefix=dict(img='train/'),
                pipeline=box_pipeline),
            dict(
                type='mmboxcaseg.SalientDataset',
                data_root=data_root,
                data_prefix=dict(img='salient/images', mask='salient/masks'),
                pipeline=salient_pipeline)
        ]))
val_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmboxcaseg.BoxCropDataset',
        data_root=data_root,
        ann_file='annotations/instances_val.json',
        data_prefix=dict(img='val/'),
        per_image=True,
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(type='mmboxcaseg.InstanceIoUMetric')
test_evaluator = val_evaluator

# What tools/label.py labels: images with boxes, no masks needed.
label_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmboxcaseg.BoxCropDataset',
        data_root=data_root,
        ann_file='annotations/boxes_train.json',
        data_prefix=dict(img='train/'),
        per_image=True,
        test_mode=True,
        pipeline=test_pipeline))
