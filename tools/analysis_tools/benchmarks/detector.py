"""Training a detector on weighted masks, compared with mmdet's own classes.

Three comparisons: a training step with the weighted and with the stock mask
head; loading masks from RLE and from polygons of the same instances; memory
of window masks and of stock bitmaps, for an image of 12 megapixels with 300
objects.
"""
import argparse
import os.path as osp
import time
from collections import defaultdict
from typing import Callable, Dict, List

import numpy as np
import torch
from common import (COCO_SHAPE, CONFIGS, Pair, best_ms, encode_ellipses,
                    in_own_process, make_windows, open_images, peak_memory,
                    run_benchmark)
from mmdet.structures.mask import mask_target
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose, pseudo_collate
from mmengine.fileio import load

from mmboxcaseg.proxy import mask_to_polygons
from mmboxcaseg.registry import MODELS
from mmboxcaseg.structures import to_rle, xywh_to_xyxy

ON_GPU = torch.cuda.is_available()
DEVICE = 'cuda' if ON_GPU else 'cpu'
CONFIG = CONFIGS + ('/proxy_mask_rcnn/proxy-mask-rcnn_r50_fpn_1x_coco.py'
                    if ON_GPU else '/toy/proxy-mask-rcnn_r18-tiny_toy.py')
OURS = ('mmboxcaseg.LoadProxyAnnotations', 'mmboxcaseg.PackProxyInputs')
STOCK = ('LoadAnnotations', 'PackDetInputs')
AUGMENT = (dict(type='Resize', scale=(1333, 800),
                keep_ratio=True), dict(type='RandomFlip', prob=1.))


def make_item(shape: Pair, boxes: list, masks: list) -> dict:
    """Make a noise image with annotations; every fourth mask has weight 0."""
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    common = dict(bbox_label=0, ignore_flag=0)
    instances = [
        dict(common, bbox=box, mask=mask, mask_weight=float(i % 4 > 0))
        for i, (box, mask) in enumerate(zip(boxes, masks))
    ]
    item = dict(img_path='drawn', img_id=0, img=pixels, instances=instances)
    height, width = shape
    item.update(height=height, width=width)
    return dict(item, img_shape=shape, ori_shape=shape)


def draw_item(num: int, height: int, width: int, *sides: int) -> dict:
    """Make an image with ellipses as objects."""
    shape = height, width
    windows = make_windows(np.random.default_rng(0), num, shape, sides)
    masks = encode_ellipses(windows, shape)
    return make_item(shape, windows.astype(float).tolist(), masks)


def make_pipeline(names: tuple, *transforms: dict) -> Compose:
    """Make a pipeline with our or mmdet's classes for loading and packing."""
    load_masks, pack = names
    return Compose([
        dict(type=load_masks, with_bbox=True, with_mask=True), *transforms,
        dict(type=pack, meta_keys=('img_path', 'img_shape'))
    ])


def make_step(head: str, num_images: int) -> Callable:
    """Return a function that runs a training step with a mask head."""
    torch.manual_seed(0)
    model_cfg = Config.fromfile(CONFIG).model
    model_cfg.backbone.init_cfg = None
    model_cfg.roi_head.mask_head.type = head
    model = MODELS.build(model_cfg).to(DEVICE).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0)
    size = (800, 1216, 12, 300) if ON_GPU else (160, 160, 20, 60)
    item = make_pipeline(OURS)(draw_item(12, *size))
    batch = pseudo_collate([item] * num_images)

    def step() -> None:
        torch.manual_seed(0)
        data = model.data_preprocessor(batch, training=True)
        loss, _ = model.parse_losses(model(**data, mode='loss'))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if ON_GPU:
            torch.cuda.synchronize()

    return step


def measure_head(rounds: int, num_images: int) -> Dict[str, float]:
    """Measure steps with the weighted and the stock head, alternately."""
    # On a CPU: process time, which excludes other programs.
    clock = time.perf_counter if ON_GPU else time.process_time
    heads = dict(step='mmboxcaseg.ProxyFCNMaskHead', step_stock='FCNMaskHead')
    steps = {name: make_step(head, num_images) for name, head in heads.items()}
    ms = best_ms(rounds, clock, **steps)
    result = {f'{name}_ms': value for name, value in zip(steps, ms)}
    return dict(result, device=DEVICE, head_overhead=ms[0] / ms[1] - 1)


def read_polygons(root: str, num_images: int) -> List[dict]:
    """Read images of coco_mini with polygons, or draw some."""
    path = f'{root}/coco_mini/annotations/instances_train.json'
    if not osp.exists(path):
        item = draw_item(8, *COCO_SHAPE, 12, 300)
        for instance in item['instances']:
            polygons, _ = mask_to_polygons(instance['mask'], 0.5)
            instance['mask'] = [p.ravel().tolist() for p in polygons]
        return [item] * num_images
    data, anns_of = load(path), defaultdict(list)
    for ann in data['annotations']:
        if not ann['iscrowd']:
            anns_of[ann['image_id']].append(ann)
    return [
        make_item(
            (img['height'], img['width']),
            [xywh_to_xyxy(a['bbox']).tolist() for a in anns_of[img['id']]],
            [a['segmentation'] for a in anns_of[img['id']]])
        for img in data['images'][:num_images]
    ]


def encode_polygons(item: dict) -> dict:
    """The same image with RLEs instead of polygons."""
    rles = [to_rle(i['mask'], *item['img_shape']) for i in item['instances']]
    pairs = zip(item['instances'], rles)
    return dict(item, instances=[dict(i, mask=rle) for i, rle in pairs])


def measure_loading(root: str, num_images: int) -> Dict[str, float]:
    """Milliseconds per image: masks alone, and with resizing and flipping."""
    polygons = read_polygons(root, num_images)
    rles = [encode_polygons(item) for item in polygons]
    result = {}
    for prefix, transforms in dict(load=(), pipeline=AUGMENT).items():
        ours, stock = (make_pipeline(n, *transforms) for n in (OURS, STOCK))
        ms = best_ms(
            rle=lambda: [ours(dict(item)) for item in rles],
            stock_rle=lambda: [stock(dict(item)) for item in rles],
            stock_polygon=lambda: [stock(dict(item)) for item in polygons])
        for name, value in zip(('rle', 'stock_rle', 'stock_polygon'), ms):
            result[f'{prefix}_{name}_ms'] = value / num_images
        name = 'rle' if prefix == 'load' else 'pipeline_rle'
        result[f'{name}_over_polygon'] = ms[0] / ms[2]
    return result


def memory_of_large_image(names: tuple, num: int) -> float:
    """MB to load an image of 4000 x 3000 and make its mask targets."""
    item = draw_item(num, 3000, 4000, 40, 400)
    pipeline = make_pipeline(names, *AUGMENT)
    before = peak_memory()
    gt = pipeline(item)['data_samples'].gt_instances
    boxes = gt.bboxes.tensor[:128]
    mask_target([boxes], [torch.arange(len(boxes))], [gt.masks],
                ConfigDict(mask_size=28))
    # If freed memory was enough, the peak did not change: avoid a ratio of 0.
    return max(peak_memory() - before, 0.01)


def measure(args: argparse.Namespace) -> dict:
    """Measure memory, loading and training step."""
    small = args.small
    ours, stock = (
        in_own_process(memory_of_large_image, names, 10 if small else 300)
        for names in (OURS, STOCK))
    with open_images(small) as (root, data):
        loading = measure_loading(root, 3 if small else 100)
    num_images = 1 if small else 2 if ON_GPU else 8
    return dict(
        data=data,
        large_image_peak_MB=ours,
        large_image_peak_MB_stock=stock,
        large_image_ratio=ours / stock,
        **loading,
        **measure_head(1 if small else args.rounds, num_images))


if __name__ == '__main__':
    run_benchmark(
        __doc__,
        measure,
        rounds=(20, 'number of training steps (default: 20)'))
