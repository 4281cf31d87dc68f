# PointRend: the coarse masks and the points both leave out poor masks.
_base_ = [
    'mmdet::point_rend/point-rend_r50-caffe_fpn_ms-1x_coco.py',
    '../_base_/tensorboard.py'
]

model = dict(
    roi_head=dict(
        mask_head=dict(type='mmboxcaseg.ProxyCoarseMaskHead'),
        point_head=dict(type='mmboxcaseg.ProxyMaskPointHead')))

train_pipeline = [
    dict(type='LoadImageFromFile', backend_args={{_base_.backend_args}}),
    dict(
        type='mmboxcaseg.LoadProxyAnnotations', with_bbox=True,
        with_mask=True),
    dict(
        type='RandomChoiceResize',
        scales=[(1333, 640), (1333, 672), (1333, 704), (1333, 736),
                (1333, 768), (1333, 800)],
        keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmboxcaseg.PackProxyInputs')
]
train_dataloader = dict(
    dataset=dict(
        type='mmboxcaseg.ProxyCocoDataset',
        data_root='',
        ann_file='work_dirs/coco/label.json',  # written by tools/label.py
        data_prefix=dict(img='data/coco/train2017/'),
        mask_score_thr=0.95,
        pipeline=train_pipeline))
visualizer = dict(vis_backends={{_base_.tensorboard}})
