"""From boxes to a proxy file.

Three comparisons: merging, scoring and encoding in windows and in full-size
images; labelling time and the slower of data loader and network; memory for
many and for few images.
"""
import argparse
import os.path as osp
import sys
import time
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import Dict, Iterator, List, Tuple

import cv2
import numpy as np
import psutil
import torch
from common import (COCO_SHAPE, CONFIGS, areas_of, best_ms, build_source,
                    draw_ellipses, in_own_process, make_windows,
                    measure_labelling, open_images, peak_memory, run_benchmark,
                    write_boxes, write_coco)
from mmengine.config import Config
from mmengine.fileio import get_text
from mmengine.runner import Runner
from pycocotools import mask as mask_utils

from mmboxcaseg import InputError
from mmboxcaseg.proxy import ProxyWriter, make_records

TOY = f'{CONFIGS}/toy/boxcaseg_hrnetv2-tiny_toy.py'
# Images and boxes of COCO train2017 without crowds.
COCO_SIZE = 118287, 849949


def by_windows(masks: List[np.ndarray],
               windows: np.ndarray,
               first_id: int = 0) -> List[dict]:
    """Merge, score and encode the masks of an image in their windows."""
    ids = range(first_id, first_id + len(masks))
    return make_records(ids, masks, windows, areas_of(windows), COCO_SHAPE)


def by_images(masks: List[np.ndarray], windows: np.ndarray) -> List[dict]:
    """Do the same in full size: encode, decode, paint indices, encode."""
    rles = []
    for mask, (x0, y0, x1, y1) in zip(masks, windows):
        full = np.zeros(COCO_SHAPE, dtype=np.uint8, order='F')
        full[y0:y1, x0:x1] = mask
        rles.append(mask_utils.encode(full))
    areas, painted = areas_of(windows), np.full(COCO_SHAPE, -1)
    for i in np.argsort(areas, kind='stable')[::-1]:
        painted = np.where(mask_utils.decode(rles[i]), i, painted)
    records = []
    for i, area in enumerate(areas.tolist()):
        rle = mask_utils.encode(np.asfortranarray(painted == i, np.uint8))
        # The tight box is inside the window: their IoU is a ratio of areas.
        _, _, width, height = mask_utils.toBbox(rle).tolist()
        rle['counts'] = rle['counts'].decode()
        score = round(width * height / area, 6)
        records.append(dict(id=i, segmentation=rle, mask_score=score))
    return records


def measure_merging(num_images: int) -> Dict[str, float]:
    """Measure milliseconds per instance of both; the results must agree."""
    rng = np.random.default_rng(0)
    windows = [make_windows(rng, 7) for _ in range(num_images)]
    images = [(draw_ellipses(boxes), boxes) for boxes in windows]
    for image in images:
        if by_windows(*image) != by_images(*image):
            raise InputError(f'the two results differ for {image}')
    ours, plain = best_ms(
        ours=lambda: [by_windows(*image) for image in images],
        plain=lambda: [by_images(*image) for image in images])
    return dict(
        merge_ms_per_instance=ours / (7 * num_images),
        merge_by_images_ms=plain / (7 * num_images),
        merge_speedup=plain / ours)


def measure_input(root: str, num: int = 60) -> Dict[str, float]:
    """Measure decoding, cropping and resizing, per instance on one core."""
    cv2.setNumThreads(0)
    names = 'coco_mini', 'label_dataloader', 'test_pipeline'
    dataset = build_source(root, *names, per_image=True, test_mode=True)
    indices = range(0, len(dataset), max(len(dataset) // num, 1))
    boxes = sum(len(dataset.get_data_info(i)['instances']) for i in indices)
    ms, = best_ms(load=lambda: [dataset[i] for i in indices])
    return dict(
        label_input_ms_per_instance=ms / boxes,
        boxes_per_image=boxes / len(indices))


def peak_of_labelling(folder: str, num_images: int) -> float:
    """Peak memory in MB of tools/label.py with its data loader's processes."""
    boxes, log = write_boxes(folder, num_images), f'{folder}/label.log'
    tool = osp.join(CONFIGS, '../tools/label.py')
    command = f'{sys.executable} {tool} {TOY} random.pth {num_images}.json ' \
        f'--boxes {boxes} --images . --work-dir . ' \
        '--cfg-options label_dataloader.dataset.crop_size=32'
    peak = 0
    with open(log, 'w') as file:
        output = dict(stdout=file, stderr=file)
        label = psutil.Popen(command.split(), cwd=folder, **output)
        while label.poll() is None:
            peak = max(peak, memory_of(label))
            time.sleep(0.2)
    if label.returncode:
        raise SystemExit(f'the labelling failed: {get_text(log)[-1000:]}')
    return peak / 2**20


def memory_of(process: psutil.Process) -> int:
    """Bytes of a process and its children; shared pages count once."""
    total = 0
    with suppress(psutil.NoSuchProcess):  # one of them has just ended
        for one in [process, *process.children(recursive=True)]:
            total += one.memory_full_info().pss
    return total


def measure_memory(folder: str, few: int) -> Dict[str, float]:
    """Compare the memory for ``few`` and for ten times as many images."""
    runner = Runner(Config.fromfile(TOY).model, folder, log_level='WARNING')
    torch.save(
        dict(state_dict=runner.model.state_dict()), f'{folder}/random.pth')
    # Each run takes seconds to start: the smallest sizes need only one.
    sizes = [few, 10 * few] if few > 2 else [few]
    peaks = [peak_of_labelling(folder, num) for num in sizes]
    return dict(
        rss_MB=peaks[0],
        rss_of_ten_times_MB=peaks[-1],
        rss_ratio=peaks[-1] / peaks[0])


def draw_set(num_images: int, num_boxes: int) -> Iterator[np.ndarray]:
    """Yield the windows of each image, one or more, the same in every run."""
    more = np.random.default_rng(0).multinomial(
        num_boxes - num_images, np.full(num_images, 1 / num_images))
    for seed, num in enumerate(more + 1):
        yield make_windows(np.random.default_rng(seed), num)


def label_set(source: str, size: Tuple[int, int]) -> Dict[str, float]:
    """Write the proxy file of a COCO file, with ellipses as masks."""
    start, first_id = time.perf_counter(), 1
    record = dict(mask_source='benchmark')
    writer = ProxyWriter(f'{source}.proxy.json', source, record)
    writer.prepare()
    for i, windows in enumerate(draw_set(*size)):
        masks = draw_ellipses(windows)
        writer.append(0, i, by_windows(masks, windows, first_id))
        first_id += len(windows)
    masks_s = time.perf_counter() - start
    writer.finish()
    return dict(
        coco_masks_s=masks_s,
        coco_file_s=time.perf_counter() - start - masks_s,
        coco_peak_MB=peak_memory())


def measure(args: argparse.Namespace) -> dict:
    """Measure all parts."""
    small = args.small
    result = measure_merging(2 if small else 40)
    with open_images(small) as (root, data), TemporaryDirectory() as folder:
        result.update(data=data, **measure_input(root))
        boxes = write_boxes(folder, 8 if small else 600)
        result.update(measure_labelling(TOY, boxes, small))
        result.update(measure_memory(folder, 2 if small else 2000))
        if args.coco_size or small:
            size = (5, 20) if small else COCO_SIZE
            source = f'{folder}/coco.json'
            write_coco(source, draw_set(*size))
            result.update(in_own_process(label_set, source, size))
    return result


if __name__ == '__main__':
    run_benchmark(
        __doc__,
        measure,
        coco_size=(False, 'also write a proxy file for COCO train2017: takes '
                   'minutes'))
