"""Size and opening time of a review page with 2,000 masks, and with 20.

``open_s`` is the time until the first mask is drawn in Chromium, as the page
itself measures it. Without Chromium, only the file is measured.
"""
import argparse
import os.path as osp
import re
import shutil
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Dict

from common import encode_ellipses, open_images, run_benchmark
from mmengine.fileio import dump, load

from mmboxcaseg.proxy import ScoredMasks
from mmboxcaseg.structures import pixel_boxes, xywh_to_xyxy
from mmboxcaseg.visualization.report import ProxyReview

CHROMIUM = shutil.which('chromium') or shutil.which('google-chrome')


def write_proxy(folder: str, out: str, num: int) -> None:
    """Write a proxy file of ellipses in the boxes of coco_mini."""
    data = load(osp.join(folder, 'annotations/boxes_train.json'))
    shapes = {i['id']: (i['height'], i['width']) for i in data['images']}
    anns = [ann for ann in data['annotations'] if not ann.get('iscrowd')]
    # Synthetic images have fewer boxes, so boxes are used several times.
    data['annotations'] = [
        dict(ann, id=i) for i, ann in enumerate(anns * (1 + num // len(anns)))
    ]
    for ann in data['annotations']:
        shape = shapes[ann['image_id']]
        window = pixel_boxes(xywh_to_xyxy([ann['bbox']]), *shape)
        ann.update(
            segmentation=encode_ellipses(window, shape)[0],
            mask_score=1.,
            mask_source='ellipse')
    dump(data, out)


def open_s(page: Path, rounds: int) -> float:
    """Seconds until the page has drawn its first mask, the best round."""
    seconds = []
    for i in range(rounds):
        # A new profile, so that no cache is used.
        profile = page.with_name(f'profile_{i}')
        dom = subprocess.run([
            CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu',
            '--disable-background-networking', f'--user-data-dir={profile}',
            '--window-size=1366,768', '--dump-dom',
            page.as_uri()
        ],
                             stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL,
                             check=True,
                             text=True).stdout
        found = re.search(r'data-open-ms="(\d+)"', dom[:1000])
        seconds.append(int(found[1]) / 1000)
        shutil.rmtree(profile, ignore_errors=True)
    return min(seconds)


def measure(args: argparse.Namespace) -> Dict[str, object]:
    """Measure writing and opening of both pages."""
    result: Dict[str, object] = {}
    most = 40 if args.small else args.num
    with open_images(args.small) as (root, source), \
            TemporaryDirectory() as out:
        folder, proxy = osp.join(root, 'coco_mini'), osp.join(out, 'a.json')
        write_proxy(folder, proxy, most)
        masks = ScoredMasks(proxy, osp.join(folder, 'images'))
        for name, num in dict(page=most, small_page=20).items():
            page, start = Path(out, f'{name}.html'), time.perf_counter()
            ProxyReview(masks, num, seed=0).write(str(page))
            result[f'{name}_write_s'] = time.perf_counter() - start
            result[f'{name}_MB'] = page.stat().st_size / 1e6
            if CHROMIUM:
                result[f'{name}_open_s'] = open_s(page, 1 if args.small else 3)
    kilobytes = 1000 * result['page_MB'] / most
    return dict(result, images=source, kB_per_mask=kilobytes)


if __name__ == '__main__':
    run_benchmark(
        __doc__, measure, num=(2000, 'number of masks (default: 2000)'))
