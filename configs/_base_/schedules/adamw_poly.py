# A short schedule for a labeller that starts from random weights.
_base_ = './poly.py'

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.02))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=50),
    *_base_.param_scheduler
]
# The moving average of the weights is validated and saved.
custom_hooks = [
    dict(
        type='EMAHook',
        ema_type='ExpMomentumEMA',
        momentum=0.002,
        update_buffers=True,
        priority=49)
]
