# Boxes of a small part of COCO and the salient images of ECSSD, as crops of 96
# px. The environment variable MMBOXCASEG_DATA names the folder of both.
_base_ = './boxes_salient.py'

data_root = '{{$MMBOXCASEG_DATA:data}}/'
boxes = dict(
    data_root=data_root + 'coco_mini/',
    ann_file='annotations/boxes_train.json',
    data_prefix=dict(img='images/'))
box_source = dict(
    _base_.box_source, pipeline=_base_.small_box_pipeline, **boxes)
salient_source = dict(
    _base_.salient_source,
    data_root=data_root + 'ecssd/',
    data_prefix=dict(img='images', mask='masks'),
    pipeline=_base_.small_salient_pipeline)

train_dataloader = dict(
    num_workers=1,
    dataset=dict(crop_size=96, datasets=[box_source, salient_source]))
val_dataloader = dict(
    num_workers=1,
    dataset=dict(
        boxes, crop_size=96, ann_file='annotations/instances_val.json'))
test_dataloader = val_dataloader
label_dataloader = dict(num_workers=1, dataset=dict(boxes, crop_size=96))
