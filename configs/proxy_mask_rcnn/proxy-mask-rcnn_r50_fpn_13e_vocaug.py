# Mask R-CNN on masks of the labeller. This writes the file of the masks:
#   python tools/label.py \
#       configs/boxcaseg/boxcaseg_hrnetv2-w48_2xb16-40e_vocaug-duts.py \
#       CHECKPOINT work_dirs/vocaug/label.json
_base_ = [
    './mask-rcnn_r50_fpn_13e_vocaug.py', '../_base_/datasets/proxy_coco.py'
]

model = dict(roi_head=dict(mask_head=dict(type='mmboxcaseg.ProxyFCNMaskHead')))

train_pipeline = [
    dict(t, type=_base_.proxy_types.get(t['type'], t['type']))
    for t in _base_.train_pipeline
]
train_dataloader = dict(
    dataset=dict(
        _base_.proxy_coco,
        ann_file='work_dirs/vocaug/label.json',
        data_prefix=dict(img='data/voc2012/JPEGImages/'),
        pipeline=train_pipeline))
