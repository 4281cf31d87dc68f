"""From boxes to a proxy file: each part against another way to do it.

Merging, scoring and encoding by windows is compared with full-size images,
a labelling with the slower of its data loader and its network, its memory
for many images with that for few. Photographs are those of coco_mini where
MMBOXCASEG_DATA names its folder, or else drawn ones of COCO's size.
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
import psutil
import torch
from benchmark_labeller import best_ms, draw_photographs, peak_memory
from mmengine.config import Config
from mmengine.fileio import dump
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from pycocotools import mask as mask_utils

from mmboxcaseg.proxy import ProxyWriter, make_records
from mmboxcaseg.registry import DATASETS
from mmboxcaseg.structures import agreement

ROOT = osp.join(osp.dirname(osp.abspath(__file__)), '../..')
PAPER = osp.join(
    ROOT, 'configs/boxcaseg/boxcaseg_hrnetv2-w48_2xb16-50e_coco-duts.py')
TOY = osp.join(ROOT, 'configs/toy/boxcaseg_hrnetv2-tiny_toy.py')
HEIGHT, WIDTH = 480, 640
# Images and boxes of COCO train2017, crowds left out.
COCO_SIZE = 118287, 849949
PROVENANCE = dict(mask_source='benchmark')


# ------------------------------------------------------ merge, score, encode
def make_windows(rng: np.random.Generator, num: int) -> np.ndarray:
    """Draw windows of an image of COCO's size, (num, 4), xyxy."""
    size = np.exp(rng.uniform(np.log(12), np.log(300), (num, 2))).astype(int)
    corner = (rng.random((num, 2)) * ([WIDTH, HEIGHT] - size)).astype(int)
    return np.concatenate([corner, corner + size], axis=1)


def draw_ellipses(windows: np.ndarray) -> List[np.ndarray]:
    """Draw the inscribed ellipse of every window as a boolean mask."""
    masks = []
    for x0, y0, x1, y1 in windows:
        y, x = np.ogrid[-1:1:(y1 - y0) * 1j, -1:1:(x1 - x0) * 1j]
        masks.append(x**2 + y**2 <= 1)
    return masks


def by_windows(masks: List[np.ndarray], windows: np.ndarray) -> List[dict]:
    """This project's way."""
    areas = np.prod(windows[:, 2:] - windows[:, :2], axis=1)
    return make_records(
        range(len(masks)), masks, windows, areas, (HEIGHT, WIDTH))


def by_images(masks: List[np.ndarray], windows: np.ndarray) -> List[dict]:
    """The plain way: encode, decode, paint an image of indices, encode."""
    areas = np.prod(windows[:, 2:] - windows[:, :2], axis=1)
    rles = []
    for mask, (x0, y0, x1, y1) in zip(masks, windows):
        full = np.zeros((HEIGHT, WIDTH), dtype=np.uint8, order='F')
        full[y0:y1, x0:x1] = mask
        rles.append(mask_utils.encode(full))
    painted = np.full((HEIGHT, WIDTH), -1)
    for i in np.argsort(areas, kind='stable')[::-1]:
        painted = np.where(mask_utils.decode(rles[i]), i, painted)
    records = []
    for i, window in enumerate(windows):
        mask = painted == i
        rle = mask_utils.encode(np.asfortranarray(mask.astype(np.uint8)))
        rle['counts'] = rle['counts'].decode()
        score = agreement(mask, window.tolist())
        records.append(
            dict(id=i, segmentation=rle, mask_score=round(score, 6)))
    return records


def measure_merging(num_images: int = 40) -> Dict[str, float]:
    """Milliseconds an instance of both ways, their results compared first."""
    rng = np.random.default_rng(0)
    windows = [make_windows(rng, 7) for _ in range(num_images)]
    images = [(draw_ellipses(some), some) for some in windows]
    for image in images:
        for ours, plain in zip(by_windows(*image), by_images(*image)):
            if ours != plain:
                raise SystemExit(f'the two ways differ: {ours} and {plain}')

    def measure(way: Callable) -> float:
        ms = best_ms(lambda: [way(*image) for image in images], 3)
        return ms / (7 * num_images)

    ours, plain = measure(by_windows), measure(by_images)
    return dict(
        merge_ms_per_instance=ours,
        merge_by_images_ms=plain,
        merge_speedup=plain / ours)


# ----------------------------------------------------------------- labelling
def measure_input(folder: str, num: int = 60) -> Dict[str, float]:
    """Milliseconds of one core to decode, crop and resize, an instance."""
    cv2.setNumThreads(0)
    cfg = Config.fromfile(PAPER)
    dataset = DATASETS.build(
        dict(
            type='mmboxcaseg.BoxCropDataset',
            data_root=f'{folder}/coco_mini',
            ann_file='annotations/boxes_train.json',
            data_prefix=dict(img='images'),
            per_image=True,
            test_mode=True,
            pipeline=cfg.test_pipeline))
    indices = range(0, len(dataset), max(len(dataset) // num, 1))
    boxes = sum(len(dataset.get_data_info(i)['instances']) for i in indices)
    ms = best_ms(lambda: [dataset[i] for i in indices], 3)
    return dict(
        label_input_ms_per_instance=ms / boxes,
        boxes_per_image=boxes / len(indices))


def write_boxes(folder: str, num_images: int) -> Tuple[str, str]:
    """Write one picture of the toy set's size and boxes on many images.

    Returns:
        tuple[str]: The COCO file and the folder of the picture.
    """
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 256, (20, 30, 3), np.uint8)
    cv2.imwrite(osp.join(folder, '0.jpg'), cv2.resize(cells, (240, 160)))
    images = [
        dict(id=i, file_name='0.jpg', width=240, height=160)
        for i in range(num_images)
    ]
    sizes = rng.integers(10, 80, (4 * num_images, 2))
    corners = (rng.random(sizes.shape) * ([240, 160] - sizes)).astype(int)
    annotations = [
        dict(id=i, image_id=i // 4, category_id=1, bbox=box)
        for i, box in enumerate(np.hstack([corners, sizes]).tolist())
    ]
    path = osp.join(folder, f'boxes_{num_images}.json')
    dump(
        dict(
            images=images,
            annotations=annotations,
            categories=[dict(id=1, name='object')]), path)
    return path, folder


def measure_wall(folder: str, num_images: int = 600) -> Dict[str, float]:
    """Seconds of a labelling, of its loader alone and its network alone."""
    ann_file, prefix = write_boxes(folder, num_images)
    out = osp.join(folder, 'wall.json')
    cfg = Config.fromfile(TOY)
    cfg.label_dataloader.dataset.update(
        data_root='', ann_file=ann_file, data_prefix=dict(img=prefix))
    cfg.merge_from_dict(
        dict(
            work_dir=folder,
            log_level='WARNING',
            test_dataloader=cfg.label_dataloader,
            test_evaluator=[],
            custom_hooks=[dict(type='mmboxcaseg.ProxyMaskHook', out_file=out)],
            test_cfg=dict(type='TestLoop')))
    cfg.test_dataloader.batch_sampler = dict(type='mmboxcaseg.BoxBatchSampler')
    # One core for the loader's process.
    torch.set_num_threads(max(torch.get_num_threads() - 1, 1))
    runner = Runner.from_cfg(cfg)
    runner.call_hook('before_run')
    loader, model = runner.test_loop.dataloader, runner.model.eval()

    start = time.perf_counter()
    batches = list(loader)
    alone = dict(loader_s=time.perf_counter() - start)

    start = time.perf_counter()
    with torch.no_grad():
        for batch in batches:
            model.test_step(batch)
    alone['network_s'] = time.perf_counter() - start

    start = time.perf_counter()
    runner.test_loop.run()
    wall = time.perf_counter() - start
    return dict(
        alone, labelling_s=wall, wall_over_bound=wall / max(alone.values()))


# -------------------------------------------------------------------- memory
def peak_of_labelling(folder: str, num_images: int) -> int:
    """Peak memory in bytes of tools/label.py with its loader's processes."""
    ann_file, prefix = write_boxes(folder, num_images)
    command = [
        sys.executable,
        osp.join(ROOT, 'tools/label.py'), TOY,
        osp.join(folder, 'random.pth'),
        osp.join(folder, f'proxy_{num_images}.json'), '--boxes', ann_file,
        '--images', prefix, '--work-dir', folder, '--cfg-options',
        'label_dataloader.dataset.pipeline.1.size=32'
    ]
    peak = 0
    with open(osp.join(folder, 'label.log'), 'w') as log:
        label = psutil.Popen(command, stdout=log, stderr=log)
        while label.poll() is None:
            peak = max(peak, memory_of(label))
            time.sleep(0.2)
    if label.returncode:
        with open(log.name) as file:
            raise SystemExit(f'the labelling failed: {file.read()[-1000:]}')
    return peak


def memory_of(process: psutil.Process) -> int:
    """Memory of a process and its children, what they share counted once."""
    total = 0
    try:
        for one in [process, *process.children(recursive=True)]:
            total += one.memory_full_info().pss
    except psutil.NoSuchProcess:
        pass  # one of them has just ended
    return total


def measure_memory(folder: str, few: int = 2000) -> Dict[str, float]:
    """Compare the memory of a labelling with that of ten times as many."""
    cfg = Config.fromfile(TOY)
    runner = Runner(cfg.model, folder, log_level='WARNING')
    torch.save(
        dict(state_dict=runner.model.state_dict()),
        osp.join(folder, 'random.pth'))
    small, large = (peak_of_labelling(folder, n) for n in (few, 10 * few))
    return dict(
        rss_MB=small / 2**20,
        rss_of_ten_times_MB=large / 2**20,
        rss_ratio=large / small)


# ---------------------------------------------------------------- COCO's size
def windows_of_image(index: int, num: int) -> np.ndarray:
    """Windows of one image of the simulated set, always the same ones."""
    return make_windows(np.random.default_rng(index), num)


def boxes_of_images() -> np.ndarray:
    """Number of boxes of every image of the simulated set, one or more."""
    num_images, num_boxes = COCO_SIZE
    rng = np.random.default_rng(0)
    more = rng.multinomial(num_boxes - num_images,
                           np.full(num_images, 1 / num_images))
    return more + 1


def write_coco(path: str) -> None:
    """Write a COCO file of COCO's size."""
    images, annotations = [], []
    for i, num in enumerate(boxes_of_images()):
        images.append(
            dict(id=i, file_name=f'{i:012d}.jpg', width=WIDTH, height=HEIGHT))
        windows = windows_of_image(i, num)
        windows[:, 2:] -= windows[:, :2]
        annotations += [
            dict(
                id=len(annotations) + k,
                image_id=i,
                category_id=1,
                bbox=box,
                area=box[2] * box[3],
                iscrowd=0) for k, box in enumerate(windows.tolist())
        ]
    dump(
        dict(
            images=images,
            annotations=annotations,
            categories=[dict(id=1, name='object')]), path)


def label_coco(source: str) -> Dict[str, float]:
    """Write the proxy file of that file; ellipses stand in for the masks."""
    start, first = time.perf_counter(), 0
    writer = ProxyWriter(source + '.proxy.json', source, PROVENANCE)
    writer.prepare()
    for i, num in enumerate(boxes_of_images()):
        windows = windows_of_image(i, num)
        areas = np.prod(windows[:, 2:] - windows[:, :2], axis=1)
        records = make_records(
            range(first, first + num), draw_ellipses(windows), windows, areas,
            (HEIGHT, WIDTH))
        writer.append(0, i, records)
        first += num
    masks_s = time.perf_counter() - start
    writer.finish()
    return dict(
        coco_masks_s=masks_s,
        coco_file_s=time.perf_counter() - start - masks_s,
        coco_peak_MB=peak_memory() / 2**20)


def simulate_coco(folder: str) -> Dict[str, float]:
    """Run :func:`label_coco` in a process of its own, for its peak memory."""
    source = osp.join(folder, 'coco.json')
    write_coco(source)
    done = subprocess.run([sys.executable, __file__, '--label-coco', source],
                          capture_output=True,
                          text=True)
    if done.returncode:
        raise SystemExit(f'it failed: {done.stderr[-1000:]}')
    return json.loads(done.stdout.splitlines()[-1])


def report(result: dict) -> str:
    """Write the result as text."""
    lines = [
        'merge + score + RLE, an instance: '
        f'{result["merge_ms_per_instance"]:.3f} ms by windows, '
        f'{result["merge_by_images_ms"]:.3f} ms by images, '
        f'{result["merge_speedup"]:.0f} times as fast',
        'decode + crop + resize, an instance: '
        f'{result["label_input_ms_per_instance"]:.2f} ms on one core '
        f'({result["boxes_per_image"]:.1f} boxes an image)',
        f'a labelling {result["labelling_s"]:.1f} s, its loader alone '
        f'{result["loader_s"]:.1f} s, its network alone '
        f'{result["network_s"]:.1f} s: {result["wall_over_bound"]:.2f} times '
        'the slower one', f'peak memory {result["rss_MB"]:.0f} MB, for ten '
        f'times as many images {result["rss_of_ten_times_MB"]:.0f} MB: '
        f'{result["rss_ratio"]:.2f} times as much'
    ]
    if 'coco_masks_s' in result:
        num_images, num_boxes = COCO_SIZE
        lines.append(f'{num_images} images with {num_boxes} boxes: masks '
                     f'{result["coco_masks_s"]:.0f} s, file '
                     f'{result["coco_file_s"]:.0f} s, peak memory '
                     f'{result["coco_peak_MB"]:.0f} MB')
    return '\n'.join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', help='JSON file to write')
    parser.add_argument(
        '--coco-size',
        action='store_true',
        help='also write a proxy file of COCO train2017\'s size: minutes')
    parser.add_argument('--label-coco', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.label_coco:
        print(json.dumps(label_coco(args.label_coco)))
        return
    init_default_scope('mmdet')
    root = os.environ.get('MMBOXCASEG_DATA', '')
    result = measure_merging()
    with tempfile.TemporaryDirectory() as folder:
        is_real = osp.isdir(osp.join(root, 'coco_mini'))
        if not is_real:
            draw_photographs(folder)
        result.update(
            data='coco_mini' if is_real else 'drawn',
            **measure_input(root if is_real else folder),
            **measure_wall(folder),
            **measure_memory(folder))
        if args.coco_size:
            result.update(simulate_coco(folder))
    print(report(result))
    if args.out:
        dump(result, args.out, indent=1)


if __name__ == '__main__':
    main()
