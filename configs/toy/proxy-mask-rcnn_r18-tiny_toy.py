# Stage 3 of the demo: the twin's network on proxy masks. It differs in the
# data set, the two transforms that carry the mask weights, and the mask head.
_base_ = './mask-rcnn_r18-tiny_toy.py'

model = dict(roi_head=dict(mask_head=dict(type='mmboxcaseg.ProxyFCNMaskHead')))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='mmboxcaseg.LoadProxyAnnotations', with_bbox=True,
        with_mask=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmboxcaseg.PackProxyInputs')
]
train_dataloader = dict(
    dataset=dict(
        type='mmboxcaseg.ProxyCocoDataset',
        data_root='',
        ann_file='work_dirs/demo/label.json',  # written by tools/label.py
        data_prefix=dict(img='data/toy/train/'),
        # Toy objects are 28 to 90 px: one pixel costs up to 7 % agreement.
        mask_score_thr=0.8,
        pipeline=train_pipeline))
