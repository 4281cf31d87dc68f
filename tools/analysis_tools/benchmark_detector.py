"""Training a detector on weighted masks: each part beside mmdet's own.

A training step with the weighted mask head is compared with one with the
stock head, loading masks from RLE with loading the polygons of the same
instances, and the memory for a photograph of 12 megapixels with 300 objects
with that for stock bitmaps. Instances are those of coco_mini where
MMBOXCASEG_DATA names its folder, or else drawn ones.
"""
import argparse
import json
import os
import os.path as osp
import subprocess
import sys
import time
from typing import Callable, Dict, List

import numpy as np
import torch
from benchmark_labeller import best_ms, peak_memory
from benchmark_proxy import HEIGHT, WIDTH, draw_ellipses, make_windows
from mmdet.structures.mask import mask_target
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose, pseudo_collate
from mmengine.fileio import dump, load
from mmengine.registry import init_default_scope

from mmboxcaseg.proxy import mask_to_polygons
from mmboxcaseg.registry import MODELS
from mmboxcaseg.structures import encode_window, to_rle, xywh_to_xyxy

ROOT = osp.join(osp.dirname(osp.abspath(__file__)), '../..')
SMALL = osp.join(ROOT, 'configs/toy/proxy-mask-rcnn_r18-tiny_toy.py')
LARGE = osp.join(ROOT,
                 'configs/proxy_mask_rcnn/proxy-mask-rcnn_r50_fpn_1x_coco.py')
OURS = ('mmboxcaseg.LoadProxyAnnotations', 'mmboxcaseg.PackProxyInputs')
STOCK = ('LoadAnnotations', 'PackDetInputs')
NUM_IMAGES = 100


def make_item(windows: np.ndarray, height: int, width: int) -> dict:
    """An image of noise with an ellipse in every window, as a data set gives
    it but for the image, which is loaded."""
    rng = np.random.default_rng(0)
    instances = [
        dict(
            bbox=window.astype(float).tolist(),
            bbox_label=0,
            ignore_flag=0,
            mask_weight=float(number % 4 > 0),
            mask=encode_window(mask, window, height, width))
        for number, (
            mask, window) in enumerate(zip(draw_ellipses(windows), windows))
    ]
    return dict(
        img_path='drawn',
        img_id=0,
        img=rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        img_shape=(height, width),
        ori_shape=(height, width),
        instances=instances)


def make_pipeline(names: tuple, *transforms: dict) -> Compose:
    """Loading, transforms and packing, ours or mmdet's."""
    load_masks, pack = names
    return Compose([
        dict(type=load_masks, with_bbox=True, with_mask=True), *transforms,
        dict(type=pack, meta_keys=('img_path', 'img_shape'))
    ])


# ----------------------------------------------------------------- the head
def make_step(config: str, head: str, device: str) -> Callable:
    """A training step of the detector of a config with a mask head."""
    torch.manual_seed(0)
    model_cfg = Config.fromfile(config).model
    model_cfg.backbone.init_cfg = None
    model_cfg.roi_head.mask_head.type = head
    model = MODELS.build(model_cfg).to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0)
    large = device == 'cuda'
    shape = (800, 1216) if large else (160, 160)
    windows = make_windows(np.random.default_rng(0), 12)
    if not large:
        windows = windows % 110 + np.array([0, 0, 40, 40])
        windows[:, 2:] = np.maximum(windows[:, 2:], windows[:, :2] + 20)
        windows = windows.clip(0, 160)
    pipeline = make_pipeline(OURS)
    batch = pseudo_collate([
        pipeline(make_item(windows, *shape)) for _ in range(2 if large else 8)
    ])

    def step() -> None:
        torch.manual_seed(0)
        data = model.data_preprocessor(batch, training=True)
        loss, _ = model.parse_losses(model(**data, mode='loss'))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if large:
            torch.cuda.synchronize()

    return step


def measure_head(rounds: int) -> Dict[str, float]:
    """Steps with the weighted and with the stock head, in turn."""
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    config = LARGE if device == 'cuda' else SMALL
    # On a CPU other programs are not counted.
    clock = time.perf_counter if device == 'cuda' else time.process_time
    steps = {
        name: make_step(config, head, device)
        for name, head in dict(
            stock='FCNMaskHead',
            weighted='mmboxcaseg.ProxyFCNMaskHead').items()
    }
    times: Dict[str, List[float]] = {name: [] for name in steps}
    for number in range(rounds + 2):
        for name, step in steps.items():
            start = clock()
            step()
            if number > 1:
                times[name].append(clock() - start)
    best = {name: 1000 * min(values) for name, values in times.items()}
    return dict(
        device=device,
        step_ms=best['weighted'],
        step_stock_ms=best['stock'],
        head_overhead=best['weighted'] / best['stock'] - 1)


# ---------------------------------------------------------------- the masks
def read_instances(root: str) -> List[dict]:
    """Images of coco_mini, or drawn ones, with polygons."""
    path = osp.join(root, 'coco_mini/annotations/instances_train.json')
    if not osp.exists(path):
        rng = np.random.default_rng(0)
        items = [
            make_item(make_windows(rng, 8), HEIGHT, WIDTH)
            for _ in range(NUM_IMAGES)
        ]
        for item in items:
            for instance in item['instances']:
                polygons, _ = mask_to_polygons(instance['mask'], 0.5)
                instance['mask'] = [p.ravel().tolist() for p in polygons]
        return items
    data = load(path)
    items = []
    for image in data['images'][:NUM_IMAGES]:
        shape = image['height'], image['width']
        item = make_item(np.zeros((0, 4), dtype=int), *shape)
        for ann in data['annotations']:
            if ann['image_id'] == image['id'] and not ann['iscrowd']:
                item['instances'].append(
                    dict(
                        bbox=xywh_to_xyxy(ann['bbox']).tolist(),
                        bbox_label=0,
                        ignore_flag=0,
                        mask_weight=1.,
                        mask=ann['segmentation']))
        items.append(item)
    return items


def encode_polygons(items: List[dict]) -> List[dict]:
    """The same images with RLE in place of polygons."""
    return [
        dict(
            item,
            instances=[
                dict(
                    instance,
                    mask=to_rle(instance['mask'], *item['img_shape']))
                for instance in item['instances']
            ]) for item in items
    ]


def measure_loading(root: str) -> Dict[str, float]:
    """Milliseconds an image: masks alone, and with resizing and flipping."""
    polygons = read_instances(root)
    rles = encode_polygons(polygons)
    augment = (dict(type='Resize', scale=(1333, 800),
                    keep_ratio=True), dict(type='RandomFlip', prob=1.))
    result = {}
    for prefix, transforms in dict(load=(), pipeline=augment).items():
        ours, stock = (
            make_pipeline(names, *transforms) for names in (OURS, STOCK))
        for name, pipeline, items in (('rle', ours, rles), ('stock_rle', stock,
                                                            rles),
                                      ('stock_polygon', stock, polygons)):

            def work() -> None:
                for item in items:
                    pipeline(dict(item))

            result[f'{prefix}_{name}_ms'] = best_ms(work, 3) / len(items)
    result['rle_over_polygon'] = (
        result['load_rle_ms'] / result['load_stock_polygon_ms'])
    result['pipeline_rle_over_polygon'] = (
        result['pipeline_rle_ms'] / result['pipeline_stock_polygon_ms'])
    return result


# --------------------------------------------------------------- the memory
def train_on_large_image(kind: str) -> float:
    """Prepare an image of 4000 x 3000 with 300 objects and make its mask
    targets; megabytes that this process needed more."""
    rng = np.random.default_rng(0)
    side = np.exp(rng.uniform(np.log(40), np.log(400), (300, 2))).astype(int)
    corner = (rng.random((300, 2)) * ([4000, 3000] - side)).astype(int)
    item = make_item(
        np.concatenate([corner, corner + side], axis=1), 3000, 4000)
    pipeline = make_pipeline(
        dict(ours=OURS, stock=STOCK)[kind],
        dict(type='Resize', scale=(1333, 800), keep_ratio=True),
        dict(type='RandomFlip', prob=1.))
    before = peak_memory()
    gt = pipeline(item)['data_samples'].gt_instances
    mask_target([gt.bboxes.tensor[:128]], [torch.arange(128)], [gt.masks],
                ConfigDict(mask_size=28))
    return (peak_memory() - before) / 2**20


def measure_memory() -> Dict[str, float]:
    """Peak memory in processes of their own."""
    result = {}
    for kind, name in dict(ours='', stock='_stock').items():
        output = subprocess.check_output(
            [sys.executable, __file__, '--large-image', kind], text=True)
        result[f'large_image_peak_MB{name}'] = json.loads(
            output.splitlines()[-1])
    return result


def report(result: dict) -> str:
    """Write the result as text."""
    lines = [
        f'training step ({result["device"]}): {result["step_ms"]:.0f} ms, '
        f'stock head {result["step_stock_ms"]:.0f} ms, '
        f'{100 * result["head_overhead"]:+.1f} %'
    ]
    for prefix, title in dict(
            load='loading masks', pipeline='with resize and flip').items():
        rle, stock_rle, polygon = (
            result[f'{prefix}_{name}_ms']
            for name in ('rle', 'stock_rle', 'stock_polygon'))
        lines.append(f'{title}, ms an image: {rle:.2f}; mmdet: RLE '
                     f'{stock_rle:.2f}, polygons {polygon:.2f}')
    lines.append('image of 12 megapixels, 300 objects: '
                 f'{result["large_image_peak_MB"]:.0f} MB, with bitmaps '
                 f'{result["large_image_peak_MB_stock"]:.0f} MB')
    return '\n'.join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', help='JSON file to write')
    parser.add_argument('--rounds', type=int, default=20, help='of steps')
    parser.add_argument(
        '--large-image', choices=['ours', 'stock'], help=argparse.SUPPRESS)
    args = parser.parse_args()
    init_default_scope('mmdet')
    if args.large_image:
        print(train_on_large_image(args.large_image))
        return
    result = measure_memory()
    result.update(measure_loading(os.environ.get('MMBOXCASEG_DATA', '')))
    result.update(measure_head(args.rounds))
    print(report(result))
    if args.out:
        dump(result, args.out, indent=1)


if __name__ == '__main__':
    main()
