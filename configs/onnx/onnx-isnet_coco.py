# IS-Net (DIS): colours in [-0.5, 0.5].
_base_ = './onnx-boxcaseg_coco.py'

model = dict(
    data_preprocessor=dict(
        mean=[127.5, 127.5, 127.5], std=[255., 255., 255.], bgr_to_rgb=True),
    test_cfg=dict(chunk=4))

label_dataloader = dict(
    dataset=dict(crop_size=1024, pipeline=_base_.margin_pipeline))
test_dataloader = label_dataloader
