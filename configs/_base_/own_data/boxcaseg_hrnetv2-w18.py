_base_ = './boxcaseg_hrnetv2-w48.py'

model = dict(
    backbone=dict(
        arch='w18', init_cfg=dict(checkpoint='open-mmlab://msra/hrnetv2_w18')),
    channels=270)
