# The paper's SGD for 2 x 16 crops, with polynomial decay in every iteration.
max_epochs = 50
train_cfg = dict(
    type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

# In bfloat16, the fastest setting measured. GPUs older than Ampere lack it:
# train.py --amp uses float16 there.
optim_wrapper = dict(
    type='mmboxcaseg.BFloat16OptimWrapper',
    optimizer=dict(type='SGD', lr=0.004, momentum=0.9, weight_decay=1e-4))
param_scheduler = [
    dict(
        type='PolyLR',
        power=0.9,
        eta_min=0,
        by_epoch=True,
        end=max_epochs,
        convert_to_iter_based=True)
]
auto_scale_lr = dict(base_batch_size=32)
