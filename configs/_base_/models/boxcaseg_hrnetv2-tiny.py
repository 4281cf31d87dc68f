# The same labeller with a backbone for CPUs: 16-32-64-128 channels, 240 in
# all, and few blocks.
_base_ = './boxcaseg_hrnetv2-w48.py'

model = dict(
    backbone=dict(
        _delete_=True,  # the pretrained weights, too
        type='mmboxcaseg.HRNetV2',
        extra=dict(
            stage1=dict(
                num_modules=1,
                num_branches=1,
                block='BOTTLENECK',
                num_blocks=(1, ),
                num_channels=(16, )),
            stage2=dict(
                num_modules=1,
                num_branches=2,
                block='BASIC',
                num_blocks=(1, 1),
                num_channels=(16, 32)),
            stage3=dict(
                num_modules=1,
                num_branches=3,
                block='BASIC',
                num_blocks=(2, 2, 2),
                num_channels=(16, 32, 64)),
            stage4=dict(
                num_modules=1,
                num_branches=4,
                block='BASIC',
                num_blocks=(2, 2, 2, 2),
                num_channels=(16, 32, 64, 128)))),
    channels=240)
