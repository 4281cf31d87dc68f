# COCO's training images with the masks of the labeller, in mmdet's pipeline of
# the 1x schedules. The file is written by
#   python tools/label.py \
#       configs/boxcaseg/boxcaseg_hrnetv2-w48_2xb16-50e_coco-duts.py \
#       CHECKPOINT work_dirs/coco/label.json
proxy_pipeline = [
    dict(type='LoadImageFromFile', backend_args=None),
    dict(
        type='mmboxcaseg.LoadProxyAnnotations', with_bbox=True,
        with_mask=True),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmboxcaseg.PackProxyInputs')
]
proxy_coco = dict(
    type='mmboxcaseg.ProxyCocoDataset',
    data_root='',
    ann_file='work_dirs/coco/label.json',
    data_prefix=dict(img='data/coco/train2017/'),
    mask_score_thr=0.95,
    pipeline=proxy_pipeline)
