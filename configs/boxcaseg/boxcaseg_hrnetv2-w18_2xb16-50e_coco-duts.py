_base_ = [
    '../_base_/models/boxcaseg_hrnetv2-w18.py',
    '../_base_/datasets/coco_boxes_duts.py', '../_base_/schedules/sgd_poly.py',
    '../_base_/default_runtime.py'
]
