# The twin on masks of the labeller, in the file that
#   python tools/label.py \
#       configs/boxcaseg/boxcaseg_hrnetv2-w48_2xb16-40e_vocaug-duts.py \
#       CHECKPOINT work_dirs/vocaug/label.json
# writes.
_base_ = './mask-rcnn_r50_fpn_4x_vocaug.py'

model = dict(roi_head=dict(mask_head=dict(type='mmboxcaseg.ProxyFCNMaskHead')))

train_pipeline = [
    dict(type='LoadImageFromFile', backend_args={{_base_.backend_args}}),
    dict(
        type='mmboxcaseg.LoadProxyAnnotations', with_bbox=True,
        with_mask=True),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmboxcaseg.PackProxyInputs')
]
train_dataloader = dict(
    dataset=dict(
        type='mmboxcaseg.ProxyCocoDataset',
        data_root='',
        ann_file='work_dirs/vocaug/label.json',
        data_prefix=dict(img='data/voc2012/JPEGImages/'),
        mask_score_thr=0.95,
        pipeline=train_pipeline))
