# The demo's detector on true masks: the fully supervised baseline, with the
# same network and schedule. Toy scenes have 160 px.
_base_ = [
    '../_base_/models/mask-rcnn_r18-tiny_fpn.py',
    '../_base_/datasets/small_instances.py',
    '../_base_/schedules/adamw_cosine.py', '../_base_/default_runtime.py'
]

model = dict(
    roi_head=dict(
        bbox_head=dict(num_classes=4), mask_head=dict(num_classes=4)))

data_root = 'data/toy/'
metainfo = dict(classes=('star', 'crescent', 'fish', 'gear'))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs')
]
test_pipeline = [
    dict(t, scale=(160, 160)) if t['type'] == 'Resize' else t
    for t in _base_.test_pipeline
]

train_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        metainfo=metainfo,
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='train/'),
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        metainfo=metainfo,
        ann_file='annotations/instances_val.json',
        data_prefix=dict(img='val/'),
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/instances_val.json')
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=15, val_interval=15)  # 50 iterations each
default_hooks = dict(
    checkpoint=dict(interval=15, max_keep_ckpts=1),
    # Draws for `test.py --show-dir`, as in mmdet's runtime.
    visualization=dict(type='DetVisualizationHook'))
visualizer = dict(type='DetLocalVisualizer')
