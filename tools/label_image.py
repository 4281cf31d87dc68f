"""Turn the boxes of one image into masks: an overlay and a COCO file."""
import argparse
import os.path as osp
import re
import sys
from typing import List

import numpy as np
from mmengine.fileio import dump

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import check_file, make_coco, read_image
from mmboxcaseg.proxy.options import add_merge_options
from mmboxcaseg.structures import encode_window, xywh_to_xyxy
from mmboxcaseg.utils.cli import (add_cfg_options, add_trust_checkpoint,
                                  check_folder, exit_on_bad_input, read_config)
from mmboxcaseg.utils.config import truncate_boxes


def parse_box(text: str) -> List[float]:
    """Read a box written as x,y,w,h."""
    try:
        x, y, w, h = (float(number) for number in text.split(','))
        if not np.isfinite([x, y, w, h]).all():
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text.strip()!r} is not a box x,y,width,height in '
            'pixels') from None
    return [x, y, w, h]


def check_device(name: str) -> None:
    """Check that a device can be used."""
    import torch

    try:
        torch.zeros(1, device=name)
    except (AssertionError, RuntimeError) as error:
        raise InputError(f'--device {name!r} cannot be used here: '
                         f'{error}') from None


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('image', help='image file')
    parser.add_argument('config', help='config of the labeller')
    parser.add_argument(
        'checkpoint', help='its checkpoint, or other weights as in label.py')
    parser.add_argument(
        '--box',
        dest='boxes',
        nargs='+',
        action='extend',
        type=parse_box,
        required=True,
        metavar='X,Y,W,H',
        help='boxes in pixels, as in COCO')
    parser.add_argument(
        '--out',
        default='work_dirs/label_image',
        help='folder for NAME_masks.png and NAME_masks.json (default: '
        '%(default)s)')
    add_merge_options(parser, has_probability=True)
    parser.add_argument('--device', help='default: a GPU if there is one')
    add_cfg_options(parser)
    add_trust_checkpoint(parser)
    # A box that begins left of the image would be taken for an option, but
    # not with a space before it.
    return parser.parse_args([
        f' {arg}' if re.match(r'-[\d.]+,', arg) else arg
        for arg in sys.argv[1:]
    ])


def to_coco(file_name: str, boxes: np.ndarray, masks: np.ndarray,
            scores: np.ndarray, ious: np.ndarray, source: str) -> dict:
    """Describe masks as a proxy file of one image.

    Args:
        file_name (str): Name of the image.
        boxes (np.ndarray): Boxes in pixels, xywh, has shape (n, 4).
        masks (np.ndarray): Boolean masks, has shape (n, H, W).
        scores (np.ndarray): Has shape (n, ).
        ious (np.ndarray): Expected IoUs, NaN if unknown, has shape (n, ).
        source (str): Name of the labeller, for ``mask_source``.

    Returns:
        dict: Content of the file.
    """
    height, width = masks.shape[1:]
    annotations = [
        dict(
            category_id=1,
            bbox=box.tolist(),
            area=float(box[2] * box[3]),
            iscrowd=0,
            segmentation=encode_window(mask, (0, 0, width, height), height,
                                       width),
            mask_score=round(float(score), 6),
            **({} if np.isnan(iou) else dict(
                expected_iou=round(float(iou), 6))),
            mask_source=source)
        for box, mask, score, iou in zip(boxes, masks, scores, ious)
    ]
    image = dict(file_name=file_name, height=height, width=width)
    return make_coco([image], [annotations], ['object'])


def draw(img: np.ndarray, boxes: np.ndarray, masks: np.ndarray,
         scores: np.ndarray, out: str) -> None:
    """Draw boxes (n, 4), xyxy, and masks over a BGR image."""
    import torch
    from mmdet.structures import DetDataSample
    from mmdet.visualization import DetLocalVisualizer
    from mmengine.structures import InstanceData

    sample = DetDataSample(
        pred_instances=InstanceData(
            bboxes=torch.from_numpy(boxes),
            masks=torch.from_numpy(masks),
            scores=torch.from_numpy(scores),
            labels=torch.arange(len(boxes))))
    visualizer = DetLocalVisualizer()
    visualizer.dataset_meta = dict(
        classes=[f'{i}' for i in range(1,
                                       len(boxes) + 1)], palette='random')
    visualizer.add_datasample(
        'masks',
        img[..., ::-1],
        sample,
        draw_gt=False,
        pred_score_thr=-1,  # an empty mask scores 0
        out_file=out)


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    # After the arguments: PyTorch and mmdet take seconds to import.
    from mmboxcaseg.apis import init_labeller, label_boxes
    from mmboxcaseg.engine.checkpoint import read_checkpoint, safe_checkpoints

    check_file(args.image, 'image')
    if args.device:
        check_device(args.device)
    cfg = read_config(args.config, args.cfg_options)
    if args.truncate and 'label_dataloader' in cfg:
        truncate_boxes(cfg.label_dataloader.dataset.pipeline)
    boxes = np.array(args.boxes)
    xyxy = xywh_to_xyxy(boxes)
    check_folder(args.out, '--out')
    with safe_checkpoints(args.trust_checkpoint):
        if 'weights' not in cfg.get('model', {}):
            read_checkpoint(args.checkpoint)
        model = init_labeller(cfg, args.checkpoint, args.device)
    masks, scores, ious = label_boxes(
        model,
        args.image,
        xyxy,
        merge=args.merge_by or False,
        with_expected_iou=True)

    name = osp.basename(args.image)
    out = osp.join(args.out, f'{osp.splitext(name)[0]}_masks')
    source = osp.splitext(osp.basename(args.config))[0]
    dump(to_coco(name, boxes, masks, scores, ious, source), f'{out}.json')
    draw(read_image(args.image), xyxy, masks, scores, f'{out}.png')
    for i, (mask, score, iou) in enumerate(zip(masks, scores, ious), 1):
        print(f'box {i}: {mask.sum()} pixels, score {score:.3f}, expected '
              f'IoU {iou:.3f}')
    print(f'written: {out}.json, {out}.png')


if __name__ == '__main__':
    main()
