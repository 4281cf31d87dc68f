# The labeller of the paper: HRNetV2-W48, whose four maps are concatenated to
# 720 channels, and alpha = 0.7 (Table 6).
model = dict(
    type='mmboxcaseg.BoxCaseg',
    data_preprocessor=dict(
        type='mmboxcaseg.CropPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='mmboxcaseg.HRNetV2',
        arch='w48',
        init_cfg=dict(
            type='Pretrained', checkpoint='open-mmlab://msra/hrnetv2_w48')),
    neck=dict(type='mmboxcaseg.ResizeConcat'),
    channels=720,
    loss_mil=dict(type='mmboxcaseg.MILLoss'),
    loss_pairwise=dict(type='mmboxcaseg.PairwiseLoss', loss_weight=0.05),
    loss_pixel=dict(type='mmboxcaseg.FusedBCELoss', alpha=0.7),
    test_cfg=dict(chunk=16))
