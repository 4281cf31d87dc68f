# The paper's labeller for PASCAL VOC, on two GPUs.
_base_ = [
    '../_base_/models/boxcaseg_hrnetv2-w48.py',
    '../_base_/datasets/vocaug_boxes_duts.py',
    '../_base_/schedules/sgd_poly.py', '../_base_/default_runtime.py'
]

train_cfg = dict(max_epochs=40)
