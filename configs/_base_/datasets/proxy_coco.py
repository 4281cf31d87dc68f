# COCO's training images with the masks of the labeller. This writes the file:
#   python tools/label.py \
#       configs/boxcaseg/boxcaseg_hrnetv2-w48_2xb16-50e_coco-duts.py \
#       CHECKPOINT work_dirs/coco/label.json
# Any mmdet detector can train on it. In the pipeline of the detector, two
# transforms are replaced by those that carry the weights of the masks.
proxy_coco = dict(
    type='mmboxcaseg.ProxyCocoDataset',
    data_root='',
    ann_file='work_dirs/coco/label.json',
    data_prefix=dict(img='data/coco/train2017/'),
    # The paper's threshold: masks with a lower score are not used in training.
    mask_score_thr=0.95)
proxy_types = dict(
    LoadAnnotations='mmboxcaseg.LoadProxyAnnotations',
    PackDetInputs='mmboxcaseg.PackProxyInputs')
