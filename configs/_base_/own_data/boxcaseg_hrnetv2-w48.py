# For the labellers that tools/new_dataset.py writes; they set the paths. The
# networks and their training are the paper's. Crops and losses are those that
# were best on real images, with small networks (docs/labeller.md).
_base_ = [
    '../models/boxcaseg_hrnetv2-w48.py', '../datasets/boxes_salient.py',
    '../schedules/sgd_poly_warmup.py', '../default_runtime.py'
]

model = dict(
    weak_losses=[
        dict(type='mmboxcaseg.MILLoss', ignore_cut=True),
        dict(type='mmboxcaseg.PairwiseLoss', loss_weight=0.05)
    ],
    pixel_heads_on='all',
    box_prompt=dict(type='mmboxcaseg.BoxPrompt'))

teacher_pipeline = _base_.small_prompt_pipeline
box_source = dict(_base_.box_source, pipeline=_base_.small_box_pipeline)
salient_source = dict(_base_.salient_source, pipeline=teacher_pipeline)
val_dataloader = dict(dataset=dict(pipeline=_base_.prompt_test_pipeline))
test_dataloader = val_dataloader
label_dataloader = dict(dataset=dict(pipeline=_base_.prompt_test_pipeline))
