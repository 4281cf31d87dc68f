# The demo with the additions to the paper that help on the toy set: a second
# round of the labeller, flip in labelling, and mask weights by expected IoU.
# Results: docs/detector.md.
_base_ = './toy_pipeline.py'

student = 'boxcaseg_hrnetv2-tiny_second-round_toy.py'
label_options = ('--cfg-options', 'model.test_cfg.flip=True')
detector = 'proxy-mask-rcnn_r18-tiny_expected-iou_toy.py'
