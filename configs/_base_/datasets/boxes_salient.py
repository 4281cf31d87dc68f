# Data loaders of a labeller: box crops and salient images in training, images
# with boxes in validation and labelling. Configs that inherit it set paths.

# The paper's pipelines.
box_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmboxcaseg.CropBoxes', shift=(-0.25, 0.25), scale=(0.5, 1.5)),
    dict(type='mmboxcaseg.PackCrops')
]
load_salient = [
    dict(type='LoadImageFromFile'),
    dict(
        type='LoadAnnotations',
        with_bbox=False,
        with_label=False,
        with_seg=True)
]
# Flips horizontally, vertically, both ways or not at all.
flip_salient = dict(
    type='RandomFlip',
    prob=[0.25, 0.25, 0.25],
    direction=['horizontal', 'vertical', 'diagonal'])
salient_pipeline = [
    *load_salient,
    dict(type='mmboxcaseg.CropSalientImage', zoom=(10 / 9, 10 / 9)),
    flip_salient,
    dict(type='mmboxcaseg.PackCrops')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmboxcaseg.CropBoxes'),
    dict(type='mmboxcaseg.PackCrops')
]

# For small sets: more augmentation by flips, scales and colours.
small_box_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='mmboxcaseg.CropBoxes',
        shift=(-0.25, 0.25),
        scale=(0.5, 1.5),
        flip_prob=0.5),
    dict(type='mmboxcaseg.PackCrops')
]
small_salient_pipeline = [
    *load_salient,
    dict(type='mmboxcaseg.CropSalientImage', zoom=(1.02, 1.56)), flip_salient,
    dict(type='PhotoMetricDistortion'),
    dict(type='mmboxcaseg.PackCrops')
]
# Salient objects fill their crops as the objects of boxes fill theirs. A small
# network learns more from that than from whole images (docs/labeller.md).
small_object_pipeline = [
    *load_salient,
    dict(
        type='mmboxcaseg.CropSalientObject',
        shift=(-0.1, 0.1),
        scale=(0.9, 1.4)), flip_salient,
    dict(type='PhotoMetricDistortion'),
    dict(type='mmboxcaseg.PackCrops')
]
# The same with some background, and with the box in a fourth channel, for a
# labeller with a box_prompt.
small_prompt_pipeline = [
    *load_salient,
    dict(
        type='mmboxcaseg.CropSalientObject',
        shift=(-0.1, 0.1),
        scale=(1.3, 1.7),
        centred=True), flip_salient,
    dict(type='PhotoMetricDistortion'),
    dict(type='mmboxcaseg.PackCrops', box_map=True)
]
# Two crops of each box, averaged. In training, crops of boxes keep a pipeline
# without a margin: they do not show their box.
prompt_test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmboxcaseg.CropBoxes', margins=(0.15, 0.25)),
    dict(type='mmboxcaseg.PackCrops', box_map=True)
]
# For masks of a COCO file beside the salient images.
teacher_pipeline = small_object_pipeline

box_source = dict(type='mmboxcaseg.BoxCropDataset', pipeline=box_pipeline)
salient_source = dict(
    type='mmboxcaseg.SalientDataset', pipeline=salient_pipeline)
duts_source = dict(
    salient_source,
    data_root='data/DUTS/',
    data_prefix=dict(img='DUTS-TR/DUTS-TR-Image', mask='DUTS-TR/DUTS-TR-Mask'),
    # The list of DUTS-Single was not released (docs/converters.md).
    single_object=True)
test_source = dict(
    type='mmboxcaseg.BoxCropDataset',
    crop_size=320,
    per_image=True,
    test_mode=True,
    pipeline=test_pipeline)

train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    # Every batch has boxes and salient images in this ratio. With None the
    # samples of both are shuffled together.
    batch_sampler=dict(
        type='mmboxcaseg.MultiSourceBatchSampler', source_ratio=(9, 7)),
    dataset=dict(type='mmboxcaseg.ConcatCrops', crop_size=288))
val_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='mmboxcaseg.collate_crops'),
    dataset=test_source)
test_dataloader = val_dataloader
val_evaluator = dict(type='mmboxcaseg.InstanceIoUMetric')
test_evaluator = val_evaluator

# What tools/label.py labels: images with boxes; no masks needed.
label_dataloader = dict(
    batch_size=8,
    num_workers=8,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='mmboxcaseg.collate_crops'),
    dataset=test_source)
