# Boxes of toy scenes and toy salient images, as crops of 96 px.
_base_ = './boxes_salient.py'

data_root = 'data/toy/'
boxes = dict(
    data_root=data_root,
    ann_file='annotations/boxes_train.json',
    data_prefix=dict(img='train/'))

train_dataloader = dict(
    num_workers=1,
    dataset=dict(
        crop_size=96,
        datasets=[
            dict(
                _base_.box_source, pipeline=_base_.small_box_pipeline,
                **boxes),
            dict(
                _base_.salient_source,
                data_root=data_root,
                data_prefix=dict(img='salient/images', mask='salient/masks'),
                pipeline=_base_.small_salient_pipeline)
        ]))
val_dataloader = dict(
    num_workers=1,
    dataset=dict(
        crop_size=96,
        data_root=data_root,
        ann_file='annotations/instances_val.json',
        data_prefix=dict(img='val/')))
test_dataloader = val_dataloader
label_dataloader = dict(num_workers=1, dataset=dict(boxes, crop_size=96))
