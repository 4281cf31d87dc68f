# The boxes of COCO, for labellers that are not trained here. tools/label.py
# labels those of train2017 (other data: --boxes, --images), tools/test.py
# compares the masks of val2017 with the true ones. The pipeline is set where
# this is used.
label_dataloader = dict(
    batch_size=8,
    num_workers=8,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmboxcaseg.BoxCropDataset',
        per_image=True,
        test_mode=True,
        data_root='data/coco/',
        ann_file='annotations/instances_train2017.json',
        data_prefix=dict(img='train2017/')))
test_dataloader = dict(
    label_dataloader,
    dataset=dict(
        label_dataloader['dataset'],
        ann_file='annotations/instances_val2017.json',
        data_prefix=dict(img='val2017/')))
test_evaluator = dict(type='mmboxcaseg.InstanceIoUMetric')
test_cfg = dict()
