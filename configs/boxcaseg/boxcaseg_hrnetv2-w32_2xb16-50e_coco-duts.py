_base_ = './boxcaseg_hrnetv2-w48_2xb16-50e_coco-duts.py'

model = dict(
    backbone=dict(
        arch='w32', init_cfg=dict(checkpoint='open-mmlab://msra/hrnetv2_w32')),
    channels=480)
