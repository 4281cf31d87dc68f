# Boxes of a small cut of COCO and the salient images of ECSSD. The folder
# that holds both is named by the environment variable MMBOXCASEG_DATA.
_base_ = './toy_boxes_salient.py'

data_root = '{{$MMBOXCASEG_DATA:data}}/'
boxes_root = data_root + 'coco_mini/'

box_source = dict(
    type='mmboxcaseg.BoxCropDataset',
    data_root=boxes_root,
    ann_file='annotations/boxes_train.json',
    data_prefix=dict(img='images/'),
    pipeline={{_base_.box_pipeline}})
salient_source = dict(
    type='mmboxcaseg.SalientDataset',
    data_root=data_root + 'ecssd/',
    data_prefix=dict(img='images', mask='masks'),
    pipeline={{_base_.salient_pipeline}})
train_dataloader = dict(dataset=dict(datasets=[box_source, salient_source]))
val_dataloader = dict(
    dataset=dict(data_root=boxes_root, data_prefix=dict(img='images/')))
test_dataloader = val_dataloader
label_dataloader = dict(
    dataset=dict(data_root=boxes_root, data_prefix=dict(img='images/')))
