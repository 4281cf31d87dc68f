# U2-Net. Its authors divide an image by its maximum; here, always by 255.
_base_ = './onnx-boxcaseg_coco.py'

model = dict(
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True))

label_dataloader = dict(dataset=dict(pipeline=_base_.margin_pipeline))
test_dataloader = label_dataloader
