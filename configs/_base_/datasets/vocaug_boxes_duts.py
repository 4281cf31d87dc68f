# Boxes of augmented VOC 2012 as a COCO file, and salient images of DUTS. Both
# are shuffled together, as in the authors' code: an epoch shows everything
# once.
_base_ = './boxes_salient.py'

data_root = 'data/voc2012/'
boxes = dict(
    data_root=data_root,
    ann_file='annotations/boxes_trainaug.json',
    data_prefix=dict(img='JPEGImages/'))

train_dataloader = dict(
    batch_sampler=None,
    dataset=dict(
        datasets=[dict(_base_.box_source, **boxes), _base_.duts_source]))
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/instances_val.json',
        data_prefix=dict(img='JPEGImages/')))
test_dataloader = val_dataloader
label_dataloader = dict(dataset=boxes)
