# Real photographs in an hour of two CPU cores: 5680 iterations in bfloat16.
_base_ = [
    '../_base_/models/boxcaseg_hrnetv2-tiny.py',
    '../_base_/datasets/coco-mini_boxes_ecssd-objects.py',
    '../_base_/schedules/adamw_poly.py', '../_base_/default_runtime.py'
]

# A box that the border of its crop cuts tells less, see box_bags().
model = dict(weak_losses=[
    dict(type='mmboxcaseg.MILLoss', ignore_cut=True),
    dict(type='mmboxcaseg.PairwiseLoss')
])

optim_wrapper = dict(type='mmboxcaseg.BFloat16OptimWrapper')
max_epochs = 40  # of 142 iterations each
train_cfg = dict(max_epochs=max_epochs, val_interval=4)
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
default_hooks = dict(checkpoint=dict(interval=4))
