# The demo's detector on true masks: the fully supervised baseline, with the
# same network and schedule.
_base_ = [
    '../_base_/models/mask-rcnn_r18-tiny_fpn.py',
    '../_base_/datasets/toy_instances.py',
    '../_base_/schedules/adamw_cosine.py', '../_base_/default_runtime.py'
]

model = dict(
    roi_head=dict(
        bbox_head=dict(num_classes=4), mask_head=dict(num_classes=4)))

train_cfg = dict(max_epochs=15, val_interval=15)  # 50 iterations each
default_hooks = dict(
    checkpoint=dict(interval=15, max_keep_ckpts=1),
    # Draws for `test.py --show-dir`, as in mmdet's runtime.
    visualization=dict(type='DetVisualizationHook'))
visualizer = dict(type='DetLocalVisualizer')
