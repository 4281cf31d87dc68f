# Real images on two CPU cores: 22 epochs of 142 iterations.
_base_ = [
    '../_base_/models/boxcaseg_hrnetv2-tiny.py',
    '../_base_/datasets/coco-mini_boxes_ecssd.py',
    '../_base_/schedules/adamw_poly.py', '../_base_/default_runtime.py'
]

train_cfg = dict(max_epochs=22, val_interval=11)
default_hooks = dict(checkpoint=dict(interval=11))
