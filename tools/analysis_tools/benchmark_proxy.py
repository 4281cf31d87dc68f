"""Merge, score and encode masks: window masks against full-size images.

Both ways do the same work on the same random masks in one run, so that the
ratio holds on any machine; their results are compared first.
"""
import argparse
import time
from typing import Callable, List, Tuple

import numpy as np
from mmengine.fileio import dump
from pycocotools import mask as mask_utils

from mmboxcaseg.structures import (agreement, aligned_iou, encode_window,
                                   merge_masks, tight_box)

HEIGHT, WIDTH = 480, 640


def make_image(rng: np.random.Generator, num: int) -> Tuple[list, np.ndarray]:
    """Draw ellipses in random windows of an image of COCO's size.

    Args:
        rng (np.random.Generator): The source of randomness.
        num (int): Number of instances.

    Returns:
        tuple: Boolean window masks, and the windows, (num, 4), xyxy.
    """
    size = np.exp(rng.uniform(np.log(12), np.log(300), (num, 2))).astype(int)
    corner = (rng.random((num, 2)) * ([WIDTH, HEIGHT] - size)).astype(int)
    masks = []
    for w, h in size:
        y, x = np.ogrid[-1:1:h * 1j, -1:1:w * 1j]
        masks.append(x**2 + y**2 <= 1)
    return masks, np.concatenate([corner, corner + size], axis=1)


def by_windows(masks: List[np.ndarray], windows: np.ndarray) -> list:
    """This project's way."""
    areas = np.prod(windows[:, 2:] - windows[:, :2], axis=1)
    return [
        (encode_window(mask, window, HEIGHT, WIDTH), agreement(mask))
        for mask, window in zip(merge_masks(masks, windows, areas), windows)
    ]


def by_images(masks: List[np.ndarray], windows: np.ndarray) -> list:
    """The plain way: paint an image of indices, then cut each mask out."""
    areas = np.prod(windows[:, 2:] - windows[:, :2], axis=1)
    painted = np.full((HEIGHT, WIDTH), -1)
    for i in np.argsort(areas, kind='stable')[::-1]:
        full = np.zeros((HEIGHT, WIDTH), dtype=bool)
        x0, y0, x1, y1 = windows[i]
        full[y0:y1, x0:x1] = masks[i]
        painted = np.where(full, i, painted)
    results = []
    for i, window in enumerate(windows):
        mask = painted == i
        rle = mask_utils.encode(np.asfortranarray(mask.astype(np.uint8)))
        rle['counts'] = rle['counts'].decode()
        results.append((rle, float(aligned_iou(tight_box(mask), window)[0])))
    return results


def measure(way: Callable, images: list) -> float:
    """Milliseconds an instance, the best of three rounds."""
    rounds = []
    for _ in range(3):
        start = time.perf_counter()
        for masks, windows in images:
            way(masks, windows)
        rounds.append(time.perf_counter() - start)
    return 1000 * min(rounds) / sum(len(masks) for masks, _ in images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', help='JSON file to write')
    parser.add_argument('--images', type=int, default=40)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    images = [make_image(rng, 7) for _ in range(args.images)]
    for masks, windows in images:
        for ours, plain in zip(
                by_windows(masks, windows), by_images(masks, windows)):
            if ours != plain:
                raise SystemExit(f'the two ways differ: {ours} and {plain}')
    result = dict(
        window_ms=measure(by_windows, images),
        image_ms=measure(by_images, images))
    result['speedup'] = result['image_ms'] / result['window_ms']
    print(f'merge + score + RLE, an instance: {result["window_ms"]:.3f} ms by '
          f'windows, {result["image_ms"]:.3f} ms by images, '
          f'{result["speedup"]:.1f} times as fast')
    if args.out:
        dump(result, args.out, indent=1)


if __name__ == '__main__':
    main()
