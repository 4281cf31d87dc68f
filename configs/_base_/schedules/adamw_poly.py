# A short schedule for a labeller that starts from random weights; the number
# of epochs and their scheduler are set where it is used.
train_cfg = dict(type='EpochBasedTrainLoop')
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.02))
# The average of the last weights is what is tested and saved.
custom_hooks = [
    dict(
        type='EMAHook',
        ema_type='ExpMomentumEMA',
        momentum=0.002,
        update_buffers=True,
        priority=49)
]
