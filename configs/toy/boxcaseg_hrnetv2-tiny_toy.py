# Stage 1 of the demo: a labeller that two CPU cores can train.
_base_ = [
    '../_base_/models/boxcaseg_hrnetv2-tiny.py',
    '../_base_/datasets/toy_boxes_salient.py',
    '../_base_/schedules/adamw_poly.py', '../_base_/default_runtime.py'
]

train_cfg = dict(max_epochs=56, val_interval=28)  # 28 iterations each
default_hooks = dict(checkpoint=dict(interval=28, max_keep_ckpts=1))
