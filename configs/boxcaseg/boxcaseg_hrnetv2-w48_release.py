# For checkpoints of the authors' release, converted by
# tools/model_converters/boxcaseg_release_to_mmboxcaseg.py. It labels as the
# release does: logits are mixed, BGR means are subtracted from RGB, boxes are
# truncated to whole pixels, crops fade to black at their border, and maps are
# resized from stride 4 as 8-bit images. alpha fits the VOC model; for the COCO
# model set model.fusion.alpha=0.6.
_base_ = './boxcaseg_hrnetv2-w48_2xb16-50e_coco-duts.py'

model = dict(
    data_preprocessor=dict(
        mean=[102.9801, 115.9465, 122.7717], std=[255, 255, 255]),
    backbone=dict(init_cfg=None),
    fusion=dict(alpha=0.7, space='logit'),
    test_cfg=dict(upsample=False, eight_bit=True))

test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmboxcaseg.CropBoxes', truncate=True, zero_padding=True),
    dict(type='mmboxcaseg.PackCrops')
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
label_dataloader = val_dataloader
