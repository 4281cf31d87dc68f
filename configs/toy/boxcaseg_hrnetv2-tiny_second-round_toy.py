# A second round of the demo's labeller: it trains on, also with the best 30 %
# of its own masks of each class. toy_second-round_pipeline.py sets `load_from`
# and the masks.
_base_ = './boxcaseg_hrnetv2-tiny_toy.py'

own_masks = dict(
    type='mmboxcaseg.MaskedCropDataset',
    ann_file='work_dirs/toy_second-round/label.json',
    data_prefix=dict(img='data/toy/train/'),
    mask_filter=dict(key='expected_iou', keep_share=0.3),
    pipeline=_base_.teacher_pipeline)
boxes, salient = _base_.train_dataloader.dataset.datasets
train_dataloader = dict(
    batch_sampler=dict(source_ratio=(9, 3, 4)),
    dataset=dict(datasets=[boxes, own_masks, salient]))

train_cfg = dict(max_epochs=20, val_interval=20)  # 50 iterations each
default_hooks = dict(checkpoint=dict(interval=20))
