# Real photographs on two CPU cores: 3124 iterations.
_base_ = [
    '../_base_/models/boxcaseg_hrnetv2-tiny.py',
    '../_base_/datasets/coco-mini_boxes_ecssd.py',
    '../_base_/schedules/adamw_poly.py', '../_base_/default_runtime.py'
]

max_epochs = 22  # of 142 iterations each
train_cfg = dict(max_epochs=max_epochs, val_interval=11)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=50),
    dict(
        type='PolyLR',
        power=0.9,
        eta_min=0,
        by_epoch=True,
        end=max_epochs,
        convert_to_iter_based=True)
]
default_hooks = dict(checkpoint=dict(interval=11))
