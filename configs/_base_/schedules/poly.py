# Polynomial decay to 0, updated in every iteration. It ends with the training:
# `end` is not set, so MMEngine uses train_cfg.max_epochs.
train_cfg = dict(type='EpochBasedTrainLoop')
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

param_scheduler = [
    dict(
        type='PolyLR',
        power=0.9,
        eta_min=0,
        by_epoch=True,
        convert_to_iter_based=True)
]
