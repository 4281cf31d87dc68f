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
    weak_head=dict(type='mmboxcaseg.SegmentationHead'),
    salient_head=dict(type='mmboxcaseg.SegmentationHead'),
    transferred_head=dict(type='mmboxcaseg.TransferredHead'),
    fusion=dict(type='mmboxcaseg.MapFusion', alpha=0.7, space='prob'),
    weak_losses=[
        dict(type='mmboxcaseg.MILLoss'),
        dict(type='mmboxcaseg.PairwiseLoss', loss_weight=0.05)
    ],
    pixel_losses=[dict(type='mmboxcaseg.PixelLoss')],
    # As in Figure 4; 'all' varies less on small sets (docs/concepts.md).
    pixel_heads_on='masked',
    test_cfg=dict(chunk=16))
