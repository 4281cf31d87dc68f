# The paper's detector for COCO (Table 2).
_base_ = [
    'mmdet::mask_rcnn/mask-rcnn_r101_fpn_1x_coco.py',
    '../_base_/datasets/proxy_coco.py', '../_base_/tensorboard.py'
]

model = dict(roi_head=dict(mask_head=dict(type='mmboxcaseg.ProxyFCNMaskHead')))
train_dataloader = dict(dataset={{_base_.proxy_coco}})
visualizer = dict(vis_backends={{_base_.tensorboard}})
