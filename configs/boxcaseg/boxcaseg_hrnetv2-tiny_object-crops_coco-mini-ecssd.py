# Salient images are cut about their object, as boxes are, and not shown whole
# as in the paper: what a small network learns from them then suits boxes.
_base_ = './boxcaseg_hrnetv2-tiny_coco-mini-ecssd.py'

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
    dataset=dict(
        datasets=[{{_base_.box_source}},
                  dict(
                      type='mmboxcaseg.SalientDataset',
                      data_root={{_base_.salient_source.data_root}},
                      data_prefix={{_base_.salient_source.data_prefix}},
                      pipeline=salient_pipeline)]))
