# Losses and metrics for TensorBoard, beside mmdet's own scalars.json. It is
# not named vis_backends because mmdet's runtime is: bases share no name.
tensorboard = [
    dict(type='LocalVisBackend'),
    dict(type='TensorboardVisBackend')
]
