# Boxes of COCO and salient images of DUTS as in the paper. An epoch shows
# every salient image once.
_base_ = './boxes_salient.py'

data_root = 'data/coco/'
boxes = dict(
    data_root=data_root,
    ann_file='annotations/instances_train2017.json',
    data_prefix=dict(img='train2017/'))

train_dataloader = dict(
    # Boxes that overlap others are often skipped, as in the authors' code.
    # The paper does not mention it.
    batch_sampler=dict(sit_out_prob=0.75),
    dataset=dict(datasets=[
        dict(_base_.box_source, overlap_iou=0.5, **boxes), _base_.duts_source
    ]))
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/instances_val2017.json',
        data_prefix=dict(img='val2017/')))
test_dataloader = val_dataloader
label_dataloader = dict(dataset=boxes)
