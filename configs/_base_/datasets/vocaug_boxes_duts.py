# The boxes of augmented VOC 2012 as a COCO file. There are few enough to be
# mixed with the salient images at random: an epoch shows everything once.
_base_ = './coco_boxes_duts.py'

data_root = 'data/voc2012/'

train_dataloader = dict(
    sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True),
    dataset=dict(datasets=[
        dict(
            type='mmboxcaseg.BoxCropDataset',
            data_root=data_root,
            ann_file='annotations/boxes_trainaug.json',
            data_prefix=dict(img='JPEGImages/'),
            pipeline={{_base_.box_pipeline}}), {{_base_.salient_source}}
    ]))
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/instances_val.json',
        data_prefix=dict(img='JPEGImages/')))
test_dataloader = val_dataloader
label_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/boxes_trainaug.json',
        data_prefix=dict(img='JPEGImages/')))
