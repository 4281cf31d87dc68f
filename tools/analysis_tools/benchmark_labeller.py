"""Data, losses and training step of the labeller, each against another way.

Photographs are those of coco_mini and ECSSD where MMBOXCASEG_DATA names
their folder, or else drawn ones of the same size. Without a GPU the step is
that of a smaller network on smaller crops; the table says which.
"""
import argparse
import json
import os
import os.path as osp
import subprocess
import sys
import tempfile
import time
from typing import Callable, Dict, List, Tuple

import cv2
import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.fileio import dump
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from mmboxcaseg.models.losses import box_bags, mil_loss, pairwise_loss
from mmboxcaseg.registry import DATASETS, MODELS

CONFIG = osp.join(
    osp.dirname(osp.abspath(__file__)),
    '../../configs/boxcaseg/boxcaseg_hrnetv2-w48_2xb16-50e_coco-duts.py')
# Without --amp a training runs as 'fp32+channels_last'.
SETTINGS = ('fp32', 'fp32+channels_last', 'amp', 'amp+channels_last',
            'amp+channels_last+compile', 'amp+channels_last+checkpointing')


def best_ms(work: Callable, rounds: int = 5) -> float:
    """Milliseconds of one call, the best of some rounds after a first one."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


# -------------------------------------------------------------------- data
def draw_photographs(folder: str, num: int = 100) -> None:
    """Write smooth noise of COCO's and ECSSD's size, with boxes and masks."""
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for name in ('coco_mini/images', 'coco_mini/annotations', 'ecssd/images',
                 'ecssd/masks'):
        os.makedirs(osp.join(folder, name))

    def noise(width: int, height: int) -> np.ndarray:
        cells = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
        return cv2.resize(cells, (width, height))

    for i in range(num):
        name = f'{i:04d}'
        cv2.imwrite(f'{folder}/coco_mini/images/{name}.jpg', noise(640, 480))
        images.append(
            dict(id=i, file_name=f'{name}.jpg', width=640, height=480))
        for _ in range(7):
            w, h = np.exp(rng.uniform(3, 5.5, 2))
            x, y = rng.uniform(0, (640 - w, 480 - h))
            annotations.append(
                dict(
                    id=len(annotations),
                    image_id=i,
                    category_id=1,
                    bbox=[x, y, w, h]))
        mask = np.zeros((300, 400), np.uint8)
        cv2.ellipse(mask, (200, 150), (120, 80), 30, 0, 360, 255, -1)
        cv2.imwrite(f'{folder}/ecssd/images/{name}.jpg', noise(400, 300))
        cv2.imwrite(f'{folder}/ecssd/masks/{name}.png', mask)
    dump(
        dict(
            images=images,
            annotations=annotations,
            categories=[dict(id=1, name='object')]),
        f'{folder}/coco_mini/annotations/boxes_train.json')


def build_sources(folder: str) -> Tuple:
    """Build the two data sets with the pipelines of the config."""
    cfg = Config.fromfile(CONFIG)
    return tuple(
        DATASETS.build(source)
        for source in (dict(
            type='mmboxcaseg.BoxCropDataset',
            data_root=f'{folder}/coco_mini',
            ann_file='annotations/boxes_train.json',
            data_prefix=dict(img='images'),
            crop_size=cfg.train_dataloader.dataset.crop_size,
            pipeline=cfg.box_pipeline),
                       dict(
                           type='mmboxcaseg.SalientDataset',
                           data_root=f'{folder}/ecssd',
                           crop_size=cfg.train_dataloader.dataset.crop_size,
                           pipeline=cfg.salient_pipeline)))


def sample_ms(dataset, num: int = 60) -> float:
    """Milliseconds of one training sample on one core, decoding included."""
    cv2.setNumThreads(0)
    indices = np.random.default_rng(0).choice(
        len(dataset), min(num, len(dataset)), replace=False)
    return best_ms(lambda: [dataset[i] for i in indices], 3) / len(indices)


def loader_rate(sources: Tuple, num_workers: int) -> float:
    """Samples a second of a data loader that mixes both sources."""
    union = torch.utils.data.ConcatDataset([
        torch.utils.data.Subset(source, range(min(len(source), 400)))
        for source in sources
    ])
    loader = DataLoader(
        union,
        16,
        shuffle=True,
        num_workers=num_workers,
        collate_fn=pseudo_collate,
        drop_last=True,
        persistent_workers=num_workers > 0)
    for _ in loader:  # the workers start
        pass
    start = time.perf_counter()
    num = sum(len(batch['inputs']) for batch in loader)
    return num / (time.perf_counter() - start)


# ------------------------------------------------------------------ losses
def loss_by_convolutions(pred: Tensor, boxes: Tensor) -> Tensor:
    """Both losses the plain way: filled boxes and eight 3x3 convolutions."""
    target = torch.zeros_like(pred)
    for mask, box in zip(target, boxes.tolist()):
        x0, y0, x1, y1 = (int(v) for v in box)
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
    """Both losses as this project computes them, padded as the other."""
    labels, valid = box_bags(boxes, pred.shape[1:])
    return mil_loss(pred, labels, valid) + 0.05 * pairwise_loss(pred, True)


def measure_losses(device: str) -> Dict[str, float]:
    """Forward and backward of both ways on (16, 1, 288, 288)."""
    torch.manual_seed(0)
    pred = torch.randn(16, 288, 288, device=device, requires_grad=True)
    corner = torch.randint(0, 100, (16, 2), device=device)
    size = torch.randint(50, 180, (16, 2), device=device)
    boxes = torch.cat([corner, corner + size], dim=1).float()
    ways = dict(ours=loss_of_ours, convolutions=loss_by_convolutions)
    torch.testing.assert_close(*(way(pred, boxes) for way in ways.values()))

    def work(way: Callable) -> None:
        way(pred, boxes).backward()
        if device != 'cpu':
            torch.cuda.synchronize()

    ms = {name: best_ms(lambda: work(way)) for name, way in ways.items()}
    return dict(
        loss_ms=ms['ours'],
        loss_by_convolutions_ms=ms['convolutions'],
        loss_speedup=ms['convolutions'] / ms['ours'])


# -------------------------------------------------------------------- step
def make_batch(num: int, size: int, device: str) -> Tuple[Tensor, list]:
    """Random crops, 9 : 7, and what they supervise."""
    samples = []
    for i in range(num):
        box = torch.tensor([[.1, .2, .8, .9]], device=device) * size
        instance = InstanceData(bboxes=box)
        if i >= num * 9 // 16:
            instance.masks = torch.rand(1, size, size, device=device) < .5
        samples.append(DetDataSample(gt_instances=instance))
    return torch.randn(num, 3, size, size, device=device), samples


def peak_memory() -> int:
    """Peak memory of this process in bytes; Linux only."""
    # Not resource.getrusage(), which starts at the peak of the parent.
    with open('/proc/self/status') as file:
        lines = dict(line.split(':', 1) for line in file)
    return int(lines['VmHWM'].split()[0]) * 1024


def measure_step(setting: str) -> dict:
    """Time and peak memory of a training step, in this process.

    Args:
        setting (str): One of ``SETTINGS``.

    Returns:
        dict: ``setting``, ``device``, ``network``, ``crops`` (a batch),
        ``ms``, ``peak_MB``.
    """
    on_gpu = torch.cuda.is_available()
    device = 'cuda' if on_gpu else 'cpu'
    width, num, size = (48, 16, 288) if on_gpu else (18, 8, 96)
    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict({
        'model.channels': 15 * width,
        'model.backbone.arch': f'w{width}',
        'model.backbone.init_cfg': None,
        'model.backbone.with_cp': 'checkpointing' in setting
    })
    model = MODELS.build(cfg.model).to(device).train()
    inputs, samples = make_batch(num, size, device)
    if 'channels_last' in setting:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        model = model.to(memory_format=torch.channels_last)
    if 'compile' in setting:
        model.logit_maps = torch.compile(model.logit_maps)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    # float16 is slow on CPUs, and bfloat16 needs no scaled loss.
    dtype = torch.float16 if on_gpu else torch.bfloat16
    scaler = torch.amp.GradScaler(device, enabled=on_gpu and 'amp' in setting)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device, dtype, enabled='amp' in setting):
            loss = sum(model.loss(inputs, samples).values())
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        if on_gpu:
            torch.cuda.synchronize()

    ms = best_ms(step, 3)
    peak = torch.cuda.max_memory_allocated() if on_gpu else peak_memory()
    return dict(
        setting=setting,
        device=torch.cuda.get_device_name() if on_gpu else 'cpu',
        network=f'w{width}, {num} x {size} px',
        crops=num,
        ms=ms,
        peak_MB=peak / 2**20)


def measure_steps(compile_on_cpu: bool) -> List[dict]:
    """Measure every setting in a process of its own, for its peak memory.

    Args:
        compile_on_cpu (bool): Whether to measure torch.compile without a GPU.

    Returns:
        list[dict]: See :func:`measure_step`.
    """
    steps = []
    for setting in SETTINGS:
        if 'compile' in setting and not (compile_on_cpu
                                         or torch.cuda.is_available()):
            continue
        done = subprocess.run([sys.executable, __file__, '--step', setting],
                              capture_output=True,
                              text=True)
        if done.returncode:
            print(f'{setting} failed: {done.stderr[-300:]}')
            continue
        steps.append(json.loads(done.stdout.splitlines()[-1]))
    if not steps:
        raise SystemExit('no setting could be measured')
    return steps


def report(result: dict) -> str:
    """Write the result as text."""
    lines = [
        f'data: {result["data"]}',
        f'box sample {result["box_sample_ms"]:.2f} ms, salient sample '
        f'{result["salient_sample_ms"]:.2f} ms on one core',
        f'losses {result["loss_ms"]:.1f} ms, by convolutions '
        f'{result["loss_by_convolutions_ms"]:.1f} ms: '
        f'{result["loss_speedup"]:.0f} times as fast',
        f'{"step":34s}{"network":>18s}{"ms":>9s}{"peak MB":>9s}  device'
    ]
    lines += [
        f'{s["setting"]:34s}{s["network"]:>18s}{s["ms"]:9.1f}'
        f'{s["peak_MB"]:9.0f}  {s["device"]}' for s in result['step']
    ]
    lines.append(
        f'loader, {result["num_workers"]} workers: '
        f'{result["loader_samples_per_s"]:.0f} samples/s; the fastest step '
        f'takes {result["step_samples_per_s"]:.0f}')
    return '\n'.join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', help='JSON file to write')
    parser.add_argument('--workers', type=int, default=os.cpu_count())
    parser.add_argument(
        '--compile',
        action='store_true',
        help='measure torch.compile on a CPU, too: it compiles for minutes')
    parser.add_argument('--step', choices=SETTINGS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    init_default_scope('mmdet')
    if args.step:
        print(json.dumps(measure_step(args.step)))
        return
    root = os.environ.get('MMBOXCASEG_DATA', '')
    with tempfile.TemporaryDirectory() as drawn:
        is_real = osp.isdir(osp.join(root, 'coco_mini'))
        if not is_real:
            draw_photographs(drawn)
        sources = build_sources(root if is_real else drawn)
        result = dict(
            data='coco_mini and ECSSD' if is_real else 'drawn',
            box_sample_ms=sample_ms(sources[0]),
            salient_sample_ms=sample_ms(sources[1]),
            num_workers=args.workers,
            loader_samples_per_s=loader_rate(sources, args.workers))
    result.update(
        measure_losses('cuda' if torch.cuda.is_available() else 'cpu'))
    result['step'] = measure_steps(args.compile)
    fastest = min(result['step'], key=lambda step: step['ms'])
    result['step_samples_per_s'] = 1000 * fastest['crops'] / fastest['ms']
    print(report(result))
    if args.out:
        dump(result, args.out, indent=1)


if __name__ == '__main__':
    main()
