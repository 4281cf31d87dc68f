# Augmented VOC 2012 as COCO files with true masks, with mmdet's pipelines for
# COCO. AP is measured at IoU 0.25, 0.50, 0.70 and 0.75, as in Table 1.
_base_ = 'mmdet::_base_/datasets/coco_instance.py'

data_root = 'data/voc2012/'
metainfo = dict(
    classes=('aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car',
             'cat', 'chair', 'cow', 'diningtable', 'dog', 'horse', 'motorbike',
             'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor'))

train_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        metainfo=metainfo,
        ann_file='annotations/instances_trainaug.json',
        data_prefix=dict(img='JPEGImages/')))
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        metainfo=metainfo,
        ann_file='annotations/instances_val.json',
        data_prefix=dict(img='JPEGImages/')))
test_dataloader = val_dataloader

val_evaluator = dict(
    _delete_=True,
    type='mmboxcaseg.InstanceAPMetric',
    ann_file=data_root + 'annotations/instances_val.json')
test_evaluator = val_evaluator
