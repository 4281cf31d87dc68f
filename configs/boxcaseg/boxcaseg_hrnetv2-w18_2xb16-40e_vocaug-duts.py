_base_ = [
    '../_base_/models/boxcaseg_hrnetv2-w18.py',
    '../_base_/datasets/vocaug_boxes_duts.py',
    '../_base_/schedules/sgd_poly.py', '../_base_/default_runtime.py'
]

train_cfg = dict(max_epochs=40)
