"""Labelling time of labellers that are not trained here.

The labelling time is compared with the slower of data loader and network, for
the toy labeller exported to ONNX, and for SAM of the base size with a quarter
of its layers. Both have random weights. Needs
pip install "mmboxcaseg[onnx,sam]".
"""
import argparse
from tempfile import TemporaryDirectory

from common import CONFIGS, measure_labelling, run_benchmark, write_boxes

from mmboxcaseg.apis import export_onnx, init_labeller

TOY = f'{CONFIGS}/toy/boxcaseg_hrnetv2-tiny_toy.py'
ONNX = f'{CONFIGS}/onnx/onnx-boxcaseg_coco.py'
SAM = f'{CONFIGS}/promptable/promptable_coco.py'
CROP = 96


def save_sam(folder: str, small: bool) -> str:
    """Save a SAM with random weights; returns its folder."""
    import transformers as tf

    # The default, 1e-10, leads to denormal numbers, which are 10 times slower.
    vision = dict(num_hidden_layers=3, initializer_range=0.02)
    if small:
        vision.update(num_hidden_layers=1, hidden_size=24)
    tf.SamModel(tf.SamConfig(vision)).eval().save_pretrained(folder)
    tf.SamImageProcessorFast().save_pretrained(folder)
    return folder


def measure(args: argparse.Namespace) -> dict:
    """Measure both labellers."""
    small, result = args.small, {}
    with TemporaryDirectory() as folder:
        path = f'{folder}/toy.onnx'
        export_onnx(init_labeller(TOY, None, device='cpu'), CROP, path)
        onnx = {
            'model.weights': path,
            'test_dataloader.dataset.crop_size': CROP
        }
        sam = {'model.weights': save_sam(f'{folder}/sam', small)}
        ways = dict(
            onnx=(ONNX, 8 if small else 600, onnx),
            sam=(SAM, 2 if small else 4, sam))
        for name, (config, num_images, options) in ways.items():
            boxes = write_boxes(folder, num_images)
            times = measure_labelling(config, boxes, small, **options)
            result.update({f'{name}_{k}': v for k, v in times.items()})
    return result


if __name__ == '__main__':
    run_benchmark(__doc__, measure)
