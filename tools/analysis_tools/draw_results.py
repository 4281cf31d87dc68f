"""Draw the results of labeller and detector on some validation images.

Writes masks.png (boxes, masks before and after merging, true masks),
detections.png (the trained detector) and pipeline.png (the README's figure).
"""
import argparse
import os.path as osp
from collections import defaultdict
from typing import TYPE_CHECKING, Dict, List, Optional

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from pycocotools import mask as mask_utils

from mmboxcaseg.datasets.coco import MaskFilter, load_coco, read_image
from mmboxcaseg.evaluation.mask_files import masks_by_id
from mmboxcaseg.proxy.options import add_filter_options, mask_filter
from mmboxcaseg.structures.scores import SCORES
from mmboxcaseg.utils.cli import (add_trust_checkpoint, check_folder,
                                  exit_on_bad_input, read_config)
from mmboxcaseg.visualization.drawing import Instance, draw

if TYPE_CHECKING:
    from torch import nn


def read_instances(
        path: str,
        rule: Optional[MaskFilter] = None) -> Dict[int, List[Instance]]:
    """Read masks by image id, without crowds and annotations without a mask.

    Masks that the rule does not keep are drawn as dropped. The text of a mask
    shows its scores.
    """
    instances = defaultdict(list)
    coco = load_coco(path)
    masks = masks_by_id(coco, path)
    scored = [
        ann for ann in coco['annotations']
        if ann['id'] in masks and 'mask_score' in ann
    ]
    weights = (rule or MaskFilter()).weigh(scored, path)
    lost = {ann['id'] for ann, w in zip(scored, weights) if not w}
    for ann in coco['annotations']:
        if ann['id'] in masks:
            mask = mask_utils.decode(masks[ann['id']])
            dropped = ann['id'] in lost
            scores = [f'{ann[key]:.3f}' for key in SCORES if key in ann]
            text = ' | '.join(scores) + ' dropped' * dropped
            instances[ann['image_id']].append(
                Instance(ann['bbox'], mask, text, dropped))
    return instances


def choose(merged: Dict[int, List[Instance]], count: int = 5) -> List[int]:
    """Choose images: some with a dropped mask, some without, then others."""
    mixed, without, others = [], [], []
    for img_id, instances in merged.items():
        flags = {ins.dropped for ins in instances}
        if len(flags) == 2:
            mixed.append(img_id)
        else:
            (others if True in flags else without).append(img_id)
    return [*mixed[:(count + 1) // 2], *without, *others][:count]


def draw_masks(images: Dict[int, np.ndarray], columns: Dict[str, dict],
               out: str) -> None:
    """Draw a grid: a row per image, a column per source of masks."""
    heights = [img.shape[0] / img.shape[1] for img in images.values()]
    fig = Figure(figsize=(2.6 * len(columns), 2.6 * sum(heights)))
    axes = fig.subplots(
        len(images),
        len(columns),
        squeeze=False,
        gridspec_kw=dict(height_ratios=heights, hspace=0.08, wspace=0.04))
    for row, (img_id, img) in zip(axes, images.items()):
        for ax, instances in zip(row, columns.values()):
            draw(ax, img, instances[img_id])
    for ax, title in zip(axes[0], columns):
        ax.set_title(title, fontsize=9)
    _save(fig, out)


def detect(model: 'nn.Module',
           img: np.ndarray,
           score_thr: float = 0.5) -> List[Instance]:
    """Detect objects in an RGB image, the best first."""
    from mmdet.apis import inference_detector

    found = inference_detector(model, img[..., ::-1].copy()).pred_instances
    found = found[found.scores >= score_thr].cpu().numpy()
    names = model.dataset_meta['classes']
    return [
        Instance((x0, y0, x1 - x0, y1 - y0), mask, f'{names[label]} {s:.2f}')
        for (x0, y0, x1, y1), mask, label, s in zip(found.bboxes, found.masks,
                                                    found.labels, found.scores)
    ]


def error_rate(found: List[Instance], objects: List[Instance]) -> float:
    """Missed objects and surplus detections per object, at box IoU 0.5."""
    if not found:
        return 1.
    ious = mask_utils.iou(
        np.array([ins.bbox for ins in found], dtype=np.float64),
        np.array([ins.bbox for ins in objects], dtype=np.float64),
        [False] * len(objects))
    hits = int((ious >= 0.5).any(axis=0).sum())
    return (len(objects) - hits + abs(len(found) - hits)) / len(objects)


def draw_detections(detections: list, out: str) -> None:
    """Draw a grid of images with their detections."""
    rows, cols = -(-len(detections) // 4), 4
    fig = Figure(figsize=(2.6 * cols, 2.6 * rows))
    axes = fig.subplots(rows, cols, squeeze=False).ravel()
    for ax in axes[len(detections):]:
        ax.axis('off')
    for ax, (img, instances) in zip(axes, detections):
        draw(ax, img, instances)
    _save(fig, out)


def draw_pipeline(img: np.ndarray, boxes: List[Instance],
                  proxies: List[Instance], found: List[Instance],
                  out: str) -> None:
    """Draw the three stages as one row with arrows."""
    titles = ('boxes', 'proxy masks (score)', 'Proxy Mask R-CNN')
    labels = ('BoxCaseg\n+ salient images', 'train')
    fig = Figure(figsize=(11, 2.9))
    axes = fig.subplots(1, 3, gridspec_kw=dict(wspace=0.75))
    for ax, title, instances in zip(axes, titles, (boxes, proxies, found)):
        draw(ax, img, instances)
        ax.set_title(title, fontsize=10)
    for left, right, label in zip(axes, axes[1:], labels):
        x0, x1 = left.get_position().x1, right.get_position().x0
        fig.text((x0 + x1) / 2, 0.58, label, ha='center', fontsize=9)
        ends = (x0 + .012, .5), (x1 - .012, .5)
        style = dict(arrowstyle='-|>', mutation_scale=16, color='0.3')
        fig.add_artist(FancyArrowPatch(*ends, **style))
    _save(fig, out)


def _save(fig: Figure, out: str) -> None:
    fig.savefig(out, dpi=110, bbox_inches='tight')
    print(f'written: {out}')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('truth', help='COCO file with true masks')
    parser.add_argument('images', help='folder of its images')
    parser.add_argument(
        '--unmerged', required=True, help='proxy file made with --no-merge')
    parser.add_argument('--merged', required=True, help='proxy file')
    add_filter_options(parser)
    parser.add_argument(
        '--detector', required=True, help='config of the detector')
    parser.add_argument(
        '--checkpoint', required=True, help='checkpoint of the detector')
    parser.add_argument('--out', required=True, help='folder of the figures')
    add_trust_checkpoint(parser)
    return parser.parse_args()


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_folder(args.out, 'folder of the figures')
    cfg = read_config(args.detector)
    truth = load_coco(args.truth)
    files = {img['id']: img['file_name'] for img in truth['images']}

    def read(img_id: int) -> np.ndarray:
        return read_image(osp.join(args.images, files[img_id]))[..., ::-1]

    rule = mask_filter(args)
    merged = read_instances(args.merged, rule)
    chosen = choose(merged)
    boxes = {
        img_id: [Instance(ins.bbox) for ins in instances]
        for img_id, instances in merged.items()
    }
    columns = {
        'boxes': boxes,
        'before merging': read_instances(args.unmerged, rule),
        f'merged, kept: {rule}': merged,
        'true masks': read_instances(args.truth)
    }
    images = {img_id: read(img_id) for img_id in chosen}
    draw_masks(images, columns, osp.join(args.out, 'masks.png'))

    # After the arguments: PyTorch and mmdet take seconds to import.
    from mmdet.apis import init_detector

    from mmboxcaseg.engine.checkpoint import safe_checkpoints, set_weights

    with safe_checkpoints(args.trust_checkpoint):
        model = init_detector(
            cfg, set_weights(cfg, args.checkpoint), device='cpu')
    shown = list(dict.fromkeys(chosen + list(files)))[:12]
    detections = [(img, detect(model, img)) for img in map(read, shown)]
    draw_detections(detections, osp.join(args.out, 'detections.png'))
    # The image with the fewest errors shows the three stages best.
    best, (img, found) = min(
        (pair for pair in zip(shown, detections) if pair[0] in boxes),
        key=lambda pair: error_rate(pair[1][1], boxes[pair[0]]))
    draw_pipeline(img, boxes[best], merged[best], found,
                  osp.join(args.out, 'pipeline.png'))


if __name__ == '__main__':
    main()
