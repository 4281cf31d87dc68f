# Stage 1 of the demo: the labeller, small enough for two CPU cores.
_base_ = [
    '../_base_/models/boxcaseg_hrnetv2-tiny.py',
    '../_base_/datasets/toy_boxes_salient.py',
    '../_base_/schedules/adamw_poly.py', '../_base_/default_runtime.py'
]

max_epochs = 56  # of 28 iterations each
train_cfg = dict(max_epochs=max_epochs, val_interval=28)
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
default_hooks = dict(checkpoint=dict(interval=28, max_keep_ckpts=1))
