# The same photographs as crops of 128 px. Salient images are cut closely about
# their object, as boxes are in labelling; the paper shows the whole images.
_base_ = './coco-mini_boxes_ecssd.py'

crop_size = 128

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
salient_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='LoadAnnotations',
        with_bbox=False,
        with_label=False,
        with_seg=True),
    dict(
        type='mmboxcaseg.CropSalientObject',
        size=crop_size,
        shift=(-0.1, 0.1),
        scale=(0.9, 1.4)),
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
    dataset=dict(datasets=[
        dict(
            type='mmboxcaseg.BoxCropDataset',
            data_root={{_base_.boxes_root}},
            ann_file={{_base_.box_source.ann_file}},
            data_prefix={{_base_.box_source.data_prefix}},
            pipeline=box_pipeline),
        dict(
            type='mmboxcaseg.SalientDataset',
            data_root={{_base_.salient_source.data_root}},
            data_prefix={{_base_.salient_source.data_prefix}},
            pipeline=salient_pipeline)
    ]))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
label_dataloader = dict(dataset=dict(pipeline=test_pipeline))
