# The long schedule: mmdet's, with images of several sizes. Its epoch shows
# every image three times, so the data set is one level deeper. The twin loads
# polygons; masks of the labeller are bitmaps.
_base_ = [
    'mmdet::mask_rcnn/mask-rcnn_r101_fpn_ms-poly-3x_coco.py',
    '../_base_/tensorboard.py'
]

model = dict(roi_head=dict(mask_head=dict(type='mmboxcaseg.ProxyFCNMaskHead')))

train_pipeline = [
    dict(type='LoadImageFromFile', backend_args={{_base_.backend_args}}),
    dict(
        type='mmboxcaseg.LoadProxyAnnotations', with_bbox=True,
        with_mask=True),
    dict(
        type='RandomResize', scale=[(1333, 640), (1333, 800)],
        keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmboxcaseg.PackProxyInputs')
]
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            type='mmboxcaseg.ProxyCocoDataset',
            data_root='',
            ann_file='work_dirs/coco/label.json',  # written by tools/label.py
            data_prefix=dict(img='data/coco/train2017/'),
            mask_score_thr=0.95,
            pipeline=train_pipeline)))
visualizer = dict(vis_backends={{_base_.tensorboard}})
