# On one GPU: half the batch, half the learning rate.
_base_ = './boxcaseg_hrnetv2-w48_2xb16-50e_coco-duts.py'

optim_wrapper = dict(optimizer=dict(lr=0.002))
auto_scale_lr = dict(base_batch_size=16)
