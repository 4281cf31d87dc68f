# CondInst, a detector of one stage. The twin loads polygons; masks of the
# labeller are bitmaps.
_base_ = [
    'mmdet::condinst/condinst_r50_fpn_ms-poly-90k_coco_instance.py',
    '../_base_/tensorboard.py'
]

model = dict(mask_head=dict(type='mmboxcaseg.ProxyCondInstMaskHead'))

train_pipeline = [
    dict(
        type='LoadImageFromFile',
        backend_args={{_base_.backend_args}},
        imdecode_backend={{_base_.backend}}),
    dict(
        type='mmboxcaseg.LoadProxyAnnotations', with_bbox=True,
        with_mask=True),
    dict(
        type='RandomChoiceResize',
        scales=[(1333, 640), (1333, 672), (1333, 704), (1333, 736),
                (1333, 768), (1333, 800)],
        keep_ratio=True,
        backend={{_base_.backend}}),
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
