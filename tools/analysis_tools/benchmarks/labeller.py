"""Data, losses and training step of the labeller.

Three comparisons: the losses with a plain implementation that uses
convolutions; the settings of a training step with each other; the data loader
with the fastest step. Without a GPU, a smaller network is trained on smaller
crops.
"""
import argparse
import os
import time
from functools import partial
from typing import Callable, Dict, Iterator, List, Tuple

import cv2
import numpy as np
import torch
from common import (PAPER, best_ms, build_source, in_own_process, open_images,
                    peak_memory, run_benchmark)
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset

from mmboxcaseg.models.losses import box_bags, mil_loss, pairwise_loss
from mmboxcaseg.registry import MODELS

# Without --amp a training runs as 'fp32+channels_last'.
SETTINGS = ('fp32', 'fp32+channels_last', 'amp', 'amp+channels_last',
            'amp+channels_last+compile', 'amp+channels_last+checkpointing')
ON_GPU = torch.cuda.is_available()
DEVICE = 'cuda' if ON_GPU else 'cpu'


def sample_ms(dataset: Dataset, num: int = 60) -> float:
    """Milliseconds of one training sample on one core, with decoding."""
    cv2.setNumThreads(0)
    indices = np.random.default_rng(0).permutation(len(dataset))[:num]
    ms, = best_ms(load=lambda: [dataset[i] for i in indices])
    return ms / len(indices)


def loader_rate(sources: List[Dataset], num_workers: int) -> float:
    """Samples per second of a data loader that mixes both sources."""
    parts = [Subset(data, range(min(len(data), 400))) for data in sources]
    options = dict(shuffle=True, drop_last=True, collate_fn=pseudo_collate)
    options['persistent_workers'] = num_workers > 0
    loader = DataLoader(
        ConcatDataset(parts), 16, num_workers=num_workers, **options)
    for _ in loader:  # the workers start
        pass
    start = time.perf_counter()
    num = sum(len(batch['inputs']) for batch in loader)
    return num / (time.perf_counter() - start)


def loss_by_convolutions(pred: Tensor, boxes: Tensor) -> Tensor:
    """Equations (1) and (2) with filled boxes and eight 3x3 convolutions."""
    target = torch.zeros_like(pred)
    for mask, (x0, y0, x1, y1) in zip(target, boxes.int().tolist()):
        mask[y0:y1, x0:x1] = 1
    bags = torch.cat([pred.amax(2), pred.amax(1)], dim=1)
    labels = torch.cat([target.amax(2), target.amax(1)], dim=1)
    prob, total = pred.sigmoid()[:, None], 0
    for k in (0, 1, 2, 3, 5, 6, 7, 8):
        kernel = torch.zeros(9, device=pred.device)
        kernel[4], kernel[k] = 1, -1
        diff = F.conv2d(prob, kernel.view(1, 1, 3, 3), padding=1)
        total = total + diff.square().mean() / 8
    return F.binary_cross_entropy_with_logits(bags, labels) + 0.05 * total


def loss_of_ours(pred: Tensor, boxes: Tensor) -> Tensor:
    """Compute both losses of this project, with the same padding."""
    labels, valid = box_bags(boxes, pred.shape[1:])
    return mil_loss(pred, labels, valid) + 0.05 * pairwise_loss(pred, True)


def measure_losses(num: int, size: int) -> Dict[str, float]:
    """Measure forward and backward passes on maps (num, size, size)."""
    torch.manual_seed(0)
    pred = torch.randn(num, size, size, device=DEVICE, requires_grad=True)
    corner = torch.randint(0, size // 3, (num, 2), device=DEVICE)
    side = torch.randint(size // 6, size * 5 // 8, (num, 2), device=DEVICE)
    boxes = torch.cat([corner, corner + side], dim=1).float()
    torch.testing.assert_close(
        loss_of_ours(pred, boxes), loss_by_convolutions(pred, boxes))

    def work(way: Callable) -> None:
        way(pred, boxes).backward()
        if ON_GPU:
            torch.cuda.synchronize()

    ways = dict(loss=loss_of_ours, loss_by_convolutions=loss_by_convolutions)
    ms = best_ms(5, **{k: partial(work, way) for k, way in ways.items()})
    result = {f'{name}_ms': value for name, value in zip(ways, ms)}
    return dict(result, loss_speedup=ms[1] / ms[0])


def make_batch(num: int, size: int) -> Tuple[Tensor, list]:
    """Random crops and their targets, boxes : masks = 9 : 7."""
    samples = []
    for i in range(num):
        box = torch.tensor([[.1, .2, .8, .9]], device=DEVICE) * size
        instance = InstanceData(bboxes=box)
        if i >= num * 9 // 16:
            instance.masks = torch.rand(1, size, size, device=DEVICE) < .5
        samples.append(DetDataSample(gt_instances=instance))
    return torch.randn(num, 3, size, size, device=DEVICE), samples


def measure_step(setting: str, width: int, num: int, size: int) -> dict:
    """Time and peak memory of a training step with one of ``SETTINGS``."""
    cfg = Config.fromfile(PAPER)
    cfg.merge_from_dict({
        'model.channels': 15 * width,
        'model.backbone.arch': f'w{width}',
        'model.backbone.init_cfg': None,
        'model.backbone.with_cp': 'checkpointing' in setting
    })
    model = MODELS.build(cfg.model).to(DEVICE).train()
    inputs, samples = make_batch(num, size)
    if 'channels_last' in setting:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        model = model.to(memory_format=torch.channels_last)
    if 'compile' in setting:
        model.logit_maps = torch.compile(model.logit_maps)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    # On CPUs float16 is slow, and bfloat16 needs no loss scaling.
    dtype = torch.float16 if ON_GPU else torch.bfloat16
    scaler = torch.amp.GradScaler(DEVICE, enabled=ON_GPU and 'amp' in setting)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(DEVICE, dtype, enabled='amp' in setting):
            loss = sum(model.loss(inputs, samples).values())
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        if ON_GPU:
            torch.cuda.synchronize()

    ms, = best_ms(step=step)
    on_gpu_MB = torch.cuda.max_memory_allocated() / 2**20 if ON_GPU else 0
    return dict(
        setting=setting,
        device=torch.cuda.get_device_name() if ON_GPU else 'cpu',
        network=f'w{width}, {num} x {size} px',
        crops=num,
        ms=ms,
        peak_MB=on_gpu_MB or peak_memory())


def measure_steps(small: bool, with_compile: bool) -> Iterator[dict]:
    """Measure every setting in its own process."""
    sizes = (48, 16, 288) if ON_GPU else (18, 8, 96)
    for setting in SETTINGS[-1:] if small else SETTINGS:
        if with_compile or 'compile' not in setting:
            try:
                yield in_own_process(measure_step, setting,
                                     *((18, 2, 32) if small else sizes))
            except RuntimeError as error:  # out of memory, or the compiler
                print(f'{setting} failed: {str(error)[-300:]}')


def measure(args: argparse.Namespace) -> dict:
    """Measure data, losses and steps."""
    with open_images(args.small) as (root, data):
        sources = [
            build_source(root, name, 'train_dataloader', f'{kind}_pipeline')
            for name, kind in (('coco_mini', 'box'), ('ecssd', 'salient'))
        ]
        result = dict(
            data=data,
            box_sample_ms=sample_ms(sources[0]),
            salient_sample_ms=sample_ms(sources[1]),
            num_workers=args.workers,
            loader_samples_per_s=loader_rate(sources, args.workers))
    result.update(measure_losses(*((2, 48) if args.small else (16, 288))))
    steps: List[dict] = list(measure_steps(args.small, args.compile or ON_GPU))
    rate = max(1000 * step['crops'] / step['ms'] for step in steps)
    over_step = result['loader_samples_per_s'] / rate
    result.update(step_samples_per_s=rate, loader_over_step=over_step)
    return dict(result, step=steps)


if __name__ == '__main__':
    run_benchmark(
        __doc__,
        measure,
        workers=(os.cpu_count(),
                 'processes of the data loader (default: all)'),
        compile=(False, 'measure torch.compile on a CPU, too: takes minutes'))
