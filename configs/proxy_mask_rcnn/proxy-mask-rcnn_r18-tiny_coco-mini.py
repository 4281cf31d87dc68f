# Stage 3 on real images: a small part of COCO with 80 classes. The environment
# variable MMBOXCASEG_DATA names the folder of coco_mini.
_base_ = [
    '../_base_/models/mask-rcnn_r18-tiny_fpn.py',
    '../_base_/datasets/small_instances.py',
    '../_base_/datasets/proxy_coco.py', '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py'
]

model = dict(roi_head=dict(mask_head=dict(type='mmboxcaseg.ProxyFCNMaskHead')))

data_root = '{{$MMBOXCASEG_DATA:data}}/coco_mini/'
train_pipeline = [
    dict(t, type=_base_.proxy_types.get(t['type'], t['type']))
    for t in _base_.train_pipeline
]
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        _base_.proxy_coco,
        ann_file='work_dirs/coco-mini/label.json',  # written by tools/label.py
        data_prefix=dict(img=data_root + 'images/'),
        mask_score_thr=0.8,
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/instances_val.json',
        data_prefix=dict(img='images/')))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/instances_val.json')
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=2, val_interval=2)  # 93 iterations each
default_hooks = dict(
    checkpoint=dict(interval=2, max_keep_ckpts=1),
    # Draws for `test.py --show-dir`, as in mmdet's runtime.
    visualization=dict(type='DetVisualizationHook'))
visualizer = dict(type='DetLocalVisualizer')
