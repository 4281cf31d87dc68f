# A labeller that tools/model_converters/export_onnx.py exported. Its network
# normalises the crops itself. The crop size is that of the export.
_base_ = ['../_base_/datasets/coco_boxes.py', '../_base_/default_runtime.py']

model = dict(
    type='mmboxcaseg.OnnxLabeller',
    weights=None,
    data_preprocessor=dict(type='mmboxcaseg.CropPreprocessor'))

label_dataloader = dict(dataset=dict(crop_size=320))
test_dataloader = label_dataloader
