# The paper's SGD for 2 x 16 crops.
_base_ = './poly.py'

train_cfg = dict(max_epochs=50, val_interval=10)
# bfloat16 is the fastest setting measured. GPUs older than Ampere do not have
# it: use train.py --amp (float16) there.
optim_wrapper = dict(
    type='mmboxcaseg.BFloat16OptimWrapper',
    optimizer=dict(type='SGD', lr=0.004, momentum=0.9, weight_decay=1e-4))
auto_scale_lr = dict(base_batch_size=32)
