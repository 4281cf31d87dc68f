# Stage 3 of the demo: the detector on masks of the labeller. It differs in the
# data set, the two transforms that carry the mask weights, and the mask head.
_base_ = ['./mask-rcnn_r18-tiny_toy.py', '../_base_/datasets/proxy_coco.py']

model = dict(roi_head=dict(mask_head=dict(type='mmboxcaseg.ProxyFCNMaskHead')))

train_pipeline = [
    dict(t, type=_base_.proxy_types.get(t['type'], t['type']))
    for t in _base_.train_pipeline
]
train_dataloader = dict(
    dataset=dict(
        _base_.proxy_coco,
        ann_file='work_dirs/demo/label.json',  # written by tools/label.py
        data_prefix=dict(img='data/toy/train/'),
        # Toy objects have 28 to 90 px: a row of pixels is 1 to 4 % of a box.
        mask_score_thr=0.8,
        pipeline=train_pipeline))
