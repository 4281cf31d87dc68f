"""Labellers that are not trained here: the time around their network.

A labelling is compared with the slower of its data loader and its network:
the toy labeller exported to ONNX, and SAM of the base size with a quarter of
its layers, both with random weights. Needs pip install "mmboxcaseg[onnx,sam]".
"""
import argparse
from tempfile import TemporaryDirectory
from typing import Dict

from common import CONFIGS, measure_labelling, run_benchmark, write_boxes

from mmboxcaseg.apis import export_onnx, init_labeller

TOY = f'{CONFIGS}/toy/boxcaseg_hrnetv2-tiny_toy.py'
ONNX = f'{CONFIGS}/onnx/onnx-boxcaseg_coco.py'
SAM = f'{CONFIGS}/promptable/promptable_coco.py'
CROP = 96


def save_sam(folder: str, small: bool) -> str:
    """Save a SAM with random weights; returns its folder."""
    import transformers as tf
    vision = dict(num_hidden_layers=3)
    if small:
        vision = dict(num_hidden_layers=1, hidden_size=24)
    tf.SamModel(tf.SamConfig(vision)).eval().save_pretrained(folder)
    tf.SamImageProcessorFast().save_pretrained(folder)
    return folder


def ratio(name: str, config: str, boxes: str, **options) -> Dict[str, float]:
    """Seconds of all parts of a labelling, and what it takes in addition."""
    loader_s, network_s, wall_s = measure_labelling(config, boxes, **options)
    return {
        f'{name}_loader_s': loader_s,
        f'{name}_network_s': network_s,
        f'{name}_labelling_s': wall_s,
        f'{name}_wall_over_bound': wall_s / max(loader_s, network_s)
    }


def measure(args: argparse.Namespace) -> dict:
    """Measure both labellers."""
    with TemporaryDirectory() as folder:
        path = f'{folder}/toy.onnx'
        export_onnx(init_labeller(TOY, None, device='cpu'), CROP, path)
        boxes = write_boxes(folder, 8 if args.small else 600)
        key = 'test_dataloader.dataset.crop_size'
        result = ratio('onnx', ONNX, boxes, **{
            'model.weights': path,
            key: CROP
        })
        boxes = write_boxes(folder, 2 if args.small else 4)
        sam = save_sam(f'{folder}/sam', args.small)
        result.update(ratio('sam', SAM, boxes, **{'model.weights': sam}))
    return result


if __name__ == '__main__':
    run_benchmark(__doc__, measure)
