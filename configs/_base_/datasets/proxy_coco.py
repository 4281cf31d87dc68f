# COCO's training images with the masks of the labeller, in a file that
#   python tools/label.py \
#       configs/boxcaseg/boxcaseg_hrnetv2-w48_2xb16-50e_coco-duts.py \
#       CHECKPOINT work_dirs/coco/label.json
# writes. It is the training set of any detector of mmdet, with that detector's
# own pipeline but for two transforms, which carry the weights of the masks.
proxy_coco = dict(
    type='mmboxcaseg.ProxyCocoDataset',
    data_root='',
    ann_file='work_dirs/coco/label.json',
    data_prefix=dict(img='data/coco/train2017/'),
    # The paper's threshold: a mask that scores less is not used in training.
    mask_score_thr=0.95)
proxy_types = dict(
    LoadAnnotations='mmboxcaseg.LoadProxyAnnotations',
    PackDetInputs='mmboxcaseg.PackProxyInputs')
