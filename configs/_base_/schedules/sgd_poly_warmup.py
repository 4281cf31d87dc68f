# The paper's SGD after 50 iterations of warm-up.
_base_ = './sgd_poly.py'

param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=50),
    *_base_.param_scheduler
]
