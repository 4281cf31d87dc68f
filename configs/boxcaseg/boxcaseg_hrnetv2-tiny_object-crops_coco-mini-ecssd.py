# Real images, 45 minutes on one CPU core: 40 epochs of 142 iterations in
# bfloat16, on crops of 128 px. Salient images are cropped closely around their
# object, as boxes are in labelling; the paper uses the whole images.
_base_ = [
    '../_base_/models/boxcaseg_hrnetv2-tiny.py',
    '../_base_/datasets/coco-mini_boxes_ecssd.py',
    '../_base_/schedules/adamw_poly.py', '../_base_/default_runtime.py'
]

# Where the border of a crop cuts a box, some bags are ignored: see box_bags().
model = dict(weak_losses=[
    dict(type='mmboxcaseg.MILLoss', ignore_cut=True),
    dict(type='mmboxcaseg.PairwiseLoss', loss_weight=0.05)
])

salient_source = dict(
    _base_.salient_source, pipeline=_base_.small_object_pipeline)
train_dataloader = dict(
    dataset=dict(crop_size=128, datasets=[_base_.box_source, salient_source]))
val_dataloader = dict(dataset=dict(crop_size=128))
test_dataloader = val_dataloader
label_dataloader = val_dataloader

optim_wrapper = dict(type='mmboxcaseg.BFloat16OptimWrapper')
train_cfg = dict(max_epochs=40, val_interval=4)
default_hooks = dict(checkpoint=dict(interval=4))
