"""Functions for all benchmarks: timing, memory, synthetic data, arguments.

Every benchmark compares two implementations in one run, so that its ratios
can be compared between machines. It uses real images if MMBOXCASEG_DATA names
the folder of coco_mini and ecssd, otherwise synthetic images of the same
sizes.
"""
import argparse
import multiprocessing
import os
import os.path as osp
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.fileio import dump
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmboxcaseg.registry import DATASETS
from mmboxcaseg.structures import encode_window
from mmboxcaseg.utils.cli import check_output, exit_on_bad_input

CONFIGS = osp.join(osp.dirname(osp.abspath(__file__)), '../../../configs')
PAPER = f'{CONFIGS}/boxcaseg/boxcaseg_hrnetv2-w48_2xb16-50e_coco-duts.py'
COCO_SHAPE = 480, 640
Pair = Tuple[int, int]
SOURCES = dict(
    ecssd=dict(type='mmboxcaseg.SalientDataset'),
    coco_mini=dict(
        type='mmboxcaseg.BoxCropDataset',
        ann_file='annotations/boxes_train.json',
        data_prefix=dict(img='images')))


# --------------------------------------------------------- time and memory
def best_ms(rounds: int = 3,
            clock: Callable[[], float] = time.perf_counter,
            **ways: Callable[[], Any]) -> List[float]:
    """Best time of each function in milliseconds; they run alternately."""
    times: Dict[str, List[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, work in ways.items():
            start = clock()
            work()
            times[name].append(1000 * (clock() - start))
    # The first round warms up.
    return [min(ms[1:]) for ms in times.values()]


def peak_memory() -> float:
    """Peak memory of this process in MB; Linux only."""
    # Not resource.getrusage(), which starts at the peak of the parent.
    with open('/proc/self/status') as file:
        lines = dict(line.split(':', 1) for line in file)
    return int(lines['VmHWM'].split()[0]) / 1024


def in_own_process(func: Callable, *args) -> Any:
    """Call a function in a new process, to measure its peak memory alone."""
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn'),
                             init_default_scope, ('mmdet', )) as pool:
        return pool.submit(func, *args).result()


# -------------------------------------------------------------- drawn data
def make_windows(
    rng: np.random.Generator,
    num: int,
    shape: Pair = COCO_SHAPE,
    sides: Pair = (12, 300)) -> np.ndarray:
    """Draw windows in an image: integers, (num, 4), xyxy."""
    size = np.exp(rng.uniform(*np.log(sides), (num, 2))).astype(int)
    corner = (rng.random((num, 2)) * (shape[::-1] - size)).astype(int)
    return np.concatenate([corner, corner + size], axis=1)


def areas_of(windows: np.ndarray) -> np.ndarray:
    """Areas of windows, (num, )."""
    return np.prod(windows[:, 2:] - windows[:, :2], axis=1)


def draw_ellipses(windows: np.ndarray) -> List[np.ndarray]:
    """Draw the inscribed ellipse of every window as a boolean mask."""
    axes = (np.ogrid[-1:1:(y1 - y0) * 1j, -1:1:(x1 - x0) * 1j]
            for x0, y0, x1, y1 in windows)
    return [x**2 + y**2 <= 1 for y, x in axes]


def encode_ellipses(windows: np.ndarray,
                    shape: Pair = COCO_SHAPE) -> List[dict]:
    """RLEs of :func:`draw_ellipses` in an image."""
    pairs = zip(draw_ellipses(windows), windows)
    return [encode_window(mask, window, *shape) for mask, window in pairs]


def write_image(path: str, rng: np.random.Generator, shape: Pair) -> None:
    """Write an image of smooth noise."""
    cells = rng.integers(0, 256, (shape[0] // 8, shape[1] // 8, 3), np.uint8)
    cv2.imwrite(path, cv2.resize(cells, shape[::-1]))


def write_coco(path: str,
               windows: Iterable[np.ndarray],
               shape: Pair = COCO_SHAPE,
               file_name: str = '{:012d}.jpg',
               fields: Iterable[dict] = (),
               num_classes: int = 1) -> None:
    """Write a COCO file of windows by image; ``fields`` by annotation."""
    images, annotations = [], []
    size = dict(height=shape[0], width=shape[1])
    for i, boxes in enumerate(windows):
        images.append(dict(size, id=i, file_name=file_name.format(i)))
        for x0, y0, x1, y1 in boxes.tolist():
            w, h = x1 - x0, y1 - y0
            ann = dict(image_id=i, category_id=0, iscrowd=0, area=w * h)
            annotations.append(
                dict(ann, id=len(annotations) + 1, bbox=[x0, y0, w, h]))
    for ann, more in zip(annotations, fields):
        ann.update(more)
    names = [dict(id=i, name=str(i)) for i in range(num_classes)]
    dump(dict(images=images, annotations=annotations, categories=names), path)


def write_boxes(folder: str, num_images: int) -> str:
    """Write a COCO file whose images all have the same image file."""
    rng, shape = np.random.default_rng(0), (160, 240)
    write_image(f'{folder}/0.jpg', rng, shape)
    path = f'{folder}/boxes_{num_images}.json'
    boxes = (make_windows(rng, 4, shape, (10, 80)) for _ in range(num_images))
    write_coco(path, boxes, shape, '0.jpg')
    return path


@contextmanager
def open_images(small: bool) -> Iterator[Tuple[str, str]]:
    """Yield the folder of coco_mini and ecssd, and a text about its origin."""
    root = os.environ.get('MMBOXCASEG_DATA', '')
    if not small and osp.isdir(osp.join(root, 'coco_mini')):
        yield root, 'coco_mini and ECSSD'
        return
    rng, num = np.random.default_rng(0), 20 if small else 100
    with TemporaryDirectory() as root:
        for name in ('coco_mini/images', 'coco_mini/annotations',
                     'ecssd/images', 'ecssd/masks'):
            os.makedirs(osp.join(root, name))
        mask = np.zeros((300, 400), np.uint8)
        cv2.ellipse(mask, (200, 150), (120, 80), 30, 0, 360, 255, -1)
        for i in range(num):
            write_image(f'{root}/coco_mini/images/{i:012d}.jpg', rng,
                        COCO_SHAPE)
            write_image(f'{root}/ecssd/images/{i}.jpg', rng, mask.shape)
            cv2.imwrite(f'{root}/ecssd/masks/{i}.png', mask)
        write_coco(f'{root}/coco_mini/annotations/boxes_train.json',
                   [make_windows(rng, 7) for _ in range(num)])
        yield root, 'drawn'


def build_source(root: str, name: str, loader: str, pipeline: str,
                 **kwargs) -> Dataset:
    """Build a data set with the settings of a loader of the paper's config."""
    cfg = Config.fromfile(PAPER)
    return DATASETS.build(
        dict(
            SOURCES[name],
            data_root=f'{root}/{name}',
            crop_size=cfg[loader].dataset.crop_size,
            pipeline=cfg[pipeline],
            **kwargs))


# ------------------------------------------------------------- the program
def measure_labelling(config: str,
                      boxes: str,
                      small: bool = False,
                      **options) -> Dict[str, float]:
    """Measure labelling; images and COCO file are in the same folder.

    Args:
        config (str): Config of the labeller.
        boxes (str): The COCO file.
        small (bool): Whether to measure once instead of three times.
        options: Settings of the config to override.

    Returns:
        dict: Best seconds of the data loader alone, of the network alone and
        of labelling; and the ratio of labelling to the slower of the two.
    """
    cfg, folder = Config.fromfile(config), osp.dirname(boxes)
    loader = cfg.label_dataloader
    loader.dataset.update(
        data_root='', ann_file=boxes, data_prefix=dict(img=folder))
    loader.num_workers = 1
    # As in tools/label.py.
    loader.setdefault('batch_sampler', dict(type='mmboxcaseg.BoxBatchSampler'))
    cfg.update(test_dataloader=loader, test_evaluator=[])
    cfg.update(work_dir=folder, log_level='WARNING')
    cfg.merge_from_dict(options)
    # Leave one core to the worker of the data loader.
    torch.set_num_threads(max(torch.get_num_threads() - 1, 1))
    rounds = [
        _measure_parts(cfg, f'{boxes}.{i}') for i in range(1 if small else 3)
    ]
    loader_s, network_s, labelling_s = np.min(rounds, axis=0).tolist()
    return dict(
        loader_s=loader_s,
        network_s=network_s,
        labelling_s=labelling_s,
        wall_over_bound=labelling_s / max(loader_s, network_s))


def _measure_parts(cfg: Config, name: str) -> np.ndarray:
    """Measure data loader, network and labelling that writes NAME.json."""
    hook = dict(type='mmboxcaseg.ProxyMaskHook', out_file=f'{name}.json')
    cfg.custom_hooks = [hook]
    runner = Runner.from_cfg(cfg)
    loop, model = runner.test_loop, runner.model.eval()
    runner.call_hook('before_run')
    times = [time.perf_counter()]
    batches = list(loop.dataloader)
    times.append(time.perf_counter())
    with torch.no_grad():
        for batch in batches:
            model.test_step(batch)
    times.append(time.perf_counter())
    loop.run()
    times.append(time.perf_counter())
    return np.diff(times)


def run_benchmark(description: str, measure: Callable, **options) -> None:
    """Read the arguments, measure, print and write the result.

    ``measure`` takes the arguments and returns numbers by name. An option is
    a tuple of its default (a number or False) and its help text.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', help='JSON file to write')
    options['small'] = False, 'only check that it runs, at the smallest sizes'
    for name, (default, text) in options.items():
        kwargs = dict(type=int, default=default)
        if default is False:
            kwargs = dict(action='store_true')
        parser.add_argument('--' + name.replace('_', '-'), help=text, **kwargs)
    args = parser.parse_args()
    init_default_scope('mmdet')
    with exit_on_bad_input():
        if args.out:
            check_output(args.out)
        result = measure(args)
    for name, value in result.items():
        for row in value if isinstance(value, list) else [value]:
            print(f'{name:28s}{_to_text(row)}')
    if args.out:
        dump(result, args.out, indent=1)


def _to_text(value: Any) -> str:
    if isinstance(value, dict):
        return '  '.join(f'{k} {_to_text(v)}' for k, v in value.items())
    return f'{value:.4g}' if isinstance(value, float) else str(value)
