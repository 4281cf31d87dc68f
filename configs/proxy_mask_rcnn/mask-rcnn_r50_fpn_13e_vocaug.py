# Mask R-CNN on the true masks of augmented VOC 2012, the fully supervised
# baseline. The authors train for 22,500 iterations (12.8 epochs) with batches
# of 6 images and lr 0.0075, the last third with a tenth of it. Here a batch is
# 8 GPUs x 2 images, so lr is 0.0075 * 16 / 6 = 0.02, for 13 epochs.
# --auto-scale-lr sets lr for other batches: 0.0025 for one GPU.
_base_ = [
    'mmdet::_base_/models/mask-rcnn_r50_fpn.py',
    '../_base_/datasets/vocaug_instances.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    'mmdet::_base_/default_runtime.py', '../_base_/tensorboard.py'
]

model = dict(
    roi_head=dict(
        bbox_head=dict(num_classes=20), mask_head=dict(num_classes=20)))

train_cfg = dict(max_epochs=13)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, end=500),
    dict(type='MultiStepLR', by_epoch=True, milestones=[9], gamma=0.1)
]
visualizer = dict(vis_backends=_base_.tensorboard)
