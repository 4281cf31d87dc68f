# For configs with mmdet's runtime: losses and metrics as scalars.json for
# tools, and as event files for `tensorboard --logdir work_dirs`. The variable
# is not named vis_backends because mmdet's runtime has that name, and bases
# must not share one.
tensorboard = [
    dict(type='LocalVisBackend'),
    dict(type='TensorboardVisBackend')
]
