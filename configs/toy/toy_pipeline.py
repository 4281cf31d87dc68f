# What tools/run_pipeline.py runs: three stages, measured on val, and the fully
# supervised baseline (twin). Paths of configs are relative to this file. For
# your own data, tools/new_dataset.py writes such a file.
labeller = 'boxcaseg_hrnetv2-tiny_toy.py'
detector = 'proxy-mask-rcnn_r18-tiny_toy.py'
twin = 'mask-rcnn_r18-tiny_toy.py'  # None if there are no true masks

train = dict(
    boxes='data/toy/annotations/boxes_train.json', images='data/toy/train')
val = dict(
    instances='data/toy/annotations/instances_val.json', images='data/toy/val')
# What the labeller is compared with, see analysis_tools/baseline_masks.py.
baselines = ('box', 'grabcut')
