# SAM, SAM 2 or another promptable model of transformers. CHECKPOINT of
# tools/label.py is its folder, or its name on the Hugging Face Hub.
_base_ = ['../_base_/datasets/coco_boxes.py', '../_base_/default_runtime.py']

model = dict(type='mmboxcaseg.PromptableLabeller', weights=None)

# Images are encoded one at a time, whatever the batch size.
label_dataloader = dict(
    batch_size=1,
    batch_sampler=None,
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(pipeline=_base_.image_pipeline))
test_dataloader = dict(
    batch_size=1,
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(pipeline=_base_.image_pipeline))
