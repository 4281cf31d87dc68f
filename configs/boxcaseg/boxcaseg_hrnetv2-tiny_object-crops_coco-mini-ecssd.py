# Salient images are cut about their object, as boxes are, and not shown whole
# as in the paper: what a small network learns from them then suits boxes.
_base_ = './boxcaseg_hrnetv2-tiny_coco-mini-ecssd.py'

data_root = '{{$MMBOXCASEG_DATA:data}}/'

salient_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='LoadAnnotations',
        with_bbox=False,
        with_label=False,
        with_seg=True),
    dict(type='mmboxcaseg.CropSalientObject', size={{_base_.crop_size}}),
    dict(
        type='RandomFlip',
        prob=[0.25, 0.25, 0.25],
        direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='PhotoMetricDistortion'),
    dict(type='mmboxcaseg.PackCrops')
]
train_dataloader = dict(
    dataset=dict(datasets=[
        dict(
            type='mmboxcaseg.BoxCropDataset',
            data_root=data_root + 'coco_mini/',
            ann_file='annotations/boxes_train.json',
            data_prefix=dict(img='images/'),
            pipeline={{_base_.box_pipeline}}),
        dict(
            type='mmboxcaseg.SalientDataset',
            data_root=data_root + 'ecssd/',
            data_prefix=dict(img='images', mask='masks'),
            pipeline=salient_pipeline)
    ]))
