# BiRefNet. Its outputs are logits; the last one is the finest map.
_base_ = './onnx-boxcaseg_coco.py'

model = dict(
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    test_cfg=dict(chunk=4, output=-1, sigmoid=True))

label_dataloader = dict(
    dataset=dict(crop_size=1024, pipeline=_base_.margin_pipeline))
test_dataloader = label_dataloader
