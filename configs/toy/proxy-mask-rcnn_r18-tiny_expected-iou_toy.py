# The demo's detector on all masks of the labeller, each weighted by the fourth
# power of its expected IoU.
_base_ = './proxy-mask-rcnn_r18-tiny_toy.py'

train_dataloader = dict(
    dataset=dict(mask_filter=dict(key='expected_iou', soft=4)))
