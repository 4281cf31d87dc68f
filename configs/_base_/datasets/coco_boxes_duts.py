# Boxes of COCO and salient images of DUTS as in the paper: 9 : 7 in every
# batch, crops of 288 px. An epoch shows every salient image once. That boxes
# which overlap others sit out is of the authors' code, not of the paper.
data_root = 'data/coco/'
salient_root = 'data/DUTS/'
crop_size = 288

box_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='mmboxcaseg.CropBoxes',
        size=crop_size,
        shift=(-0.25, 0.25),
        scale=(0.5, 1.5)),
    dict(type='mmboxcaseg.PackCrops')
]
salient_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='LoadAnnotations',
        with_bbox=False,
        with_label=False,
        with_seg=True),
    dict(type='Resize', scale=(320, 320), keep_ratio=False),
    dict(type='RandomCrop', crop_size=(crop_size, crop_size)),
    # Mirrored, turned over, both or neither.
    dict(
        type='RandomFlip',
        prob=[0.25, 0.25, 0.25],
        direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='mmboxcaseg.PackCrops')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmboxcaseg.CropBoxes', size=320),
    dict(type='mmboxcaseg.PackCrops')
]

salient_source = dict(
    type='mmboxcaseg.SalientDataset',
    data_root=salient_root,
    data_prefix=dict(img='DUTS-TR/DUTS-TR-Image', mask='DUTS-TR/DUTS-TR-Mask'),
    # The list of DUTS-Single was not released.
    single_object=True,
    pipeline=salient_pipeline)
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(
        type='mmboxcaseg.MultiSourceSampler',
        batch_size=16,
        source_ratio=(9, 7),
        sit_out_prob=0.75),
    dataset=dict(
        type='ConcatDataset',
        ignore_keys=['classes'],
        datasets=[
            dict(
                type='mmboxcaseg.BoxCropDataset',
                data_root=data_root,
                ann_file='annotations/instances_train2017.json',
                data_prefix=dict(img='train2017/'),
                overlap_iou=0.5,
                pipeline=box_pipeline), salient_source
        ]))
val_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmboxcaseg.BoxCropDataset',
        data_root=data_root,
        ann_file='annotations/instances_val2017.json',
        data_prefix=dict(img='val2017/'),
        per_image=True,
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(type='mmboxcaseg.InstanceIoUMetric')
test_evaluator = val_evaluator

# What tools/label.py labels: images with boxes, no masks needed.
label_dataloader = dict(
    batch_size=8,
    num_workers=8,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmboxcaseg.BoxCropDataset',
        data_root=data_root,
        ann_file='annotations/instances_train2017.json',
        data_prefix=dict(img='train2017/'),
        per_image=True,
        test_mode=True,
        pipeline=test_pipeline))
