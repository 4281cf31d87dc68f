# The paper's labeller for PASCAL VOC, on two GPUs.
_base_ = [
    '../_base_/models/boxcaseg_hrnetv2-w48.py',
    '../_base_/datasets/vocaug_boxes_duts.py',
    '../_base_/schedules/sgd_poly.py', '../_base_/default_runtime.py'
]

model = dict(
    backbone=dict(
        init_cfg=dict(
            type='Pretrained', checkpoint='open-mmlab://msra/hrnetv2_w48')))

max_epochs = 40
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(
        type='PolyLR',
        power=0.9,
        eta_min=0,
        by_epoch=True,
        end=max_epochs,
        convert_to_iter_based=True)
]
