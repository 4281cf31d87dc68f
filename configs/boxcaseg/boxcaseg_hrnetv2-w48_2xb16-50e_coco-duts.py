# The paper's labeller for COCO, on two GPUs. The authors' code doubles the
# learning rate and stops after 50 of 200 epochs; here it decays to 0 in 50.
_base_ = [
    '../_base_/models/boxcaseg_hrnetv2-w48.py',
    '../_base_/datasets/coco_boxes_duts.py', '../_base_/schedules/sgd_poly.py',
    '../_base_/default_runtime.py'
]
