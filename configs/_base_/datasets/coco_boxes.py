# The boxes of COCO, for labellers that are not trained here. tools/label.py
# labels those of train2017 (other data: --boxes, --images), tools/test.py
# compares the masks of val2017 with the true ones.

crop_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmboxcaseg.CropBoxes'),
    dict(type='mmboxcaseg.PackCrops')
]
# Crops show some background around the box.
margin_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmboxcaseg.CropBoxes', margins=[0.2]),
    dict(type='mmboxcaseg.PackCrops')
]
image_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmboxcaseg.PromptBoxes'),
    dict(type='mmboxcaseg.PackCrops')
]

source = dict(
    type='mmboxcaseg.BoxCropDataset',
    per_image=True,
    test_mode=True,
    data_root='data/coco/',
    pipeline=crop_pipeline)
label_dataloader = dict(
    batch_size=8,
    num_workers=8,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='mmboxcaseg.collate_crops'),
    dataset=dict(
        source,
        ann_file='annotations/instances_train2017.json',
        data_prefix=dict(img='train2017/')))
test_dataloader = dict(
    label_dataloader,
    dataset=dict(
        source,
        ann_file='annotations/instances_val2017.json',
        data_prefix=dict(img='val2017/')))
test_evaluator = dict(type='mmboxcaseg.InstanceIoUMetric')
test_cfg = dict()
