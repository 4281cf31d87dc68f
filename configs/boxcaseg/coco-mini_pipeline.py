# All three stages on real images, see tools/run_pipeline.py. The environment
# variable MMBOXCASEG_DATA names the folder of coco_mini and ecssd.
data_root = '{{$MMBOXCASEG_DATA:data}}/coco_mini/'

labeller = 'boxcaseg_hrnetv2-tiny_coco-mini-ecssd.py'
detector = '../proxy_mask_rcnn/proxy-mask-rcnn_r18-tiny_coco-mini.py'
twin = None

train = dict(
    boxes=data_root + 'annotations/boxes_train.json',
    images=data_root + 'images')
val = dict(
    instances=data_root + 'annotations/instances_val.json',
    images=data_root + 'images')
# GrabCut is slow on large images: run it by hand.
baselines = ('box', 'ellipse')
