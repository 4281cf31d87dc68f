"""Masks without training, as baselines for the labeller."""
import argparse
import os.path as osp

import cv2
import numpy as np

from mmboxcaseg import track
from mmboxcaseg.datasets.coco import CocoBoxes, box_area, read_image
from mmboxcaseg.proxy import ProxyWriter, make_records
from mmboxcaseg.proxy.options import add_mask_options, record_options
from mmboxcaseg.structures import label_windows, xywh_to_xyxy
from mmboxcaseg.utils.cli import exit_on_bad_input


def box_mask(img: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Fill the box: a boolean mask (h, w) of the pixel box ``window``."""
    x0, y0, x1, y1 = window
    return np.ones((y1 - y0, x1 - x0), dtype=bool)


def ellipse_mask(img: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Inscribe an ellipse in the box, see :func:`box_mask`."""
    x0, y0, x1, y1 = window
    ys = (np.arange(y1 - y0) + 0.5) * 2 / (y1 - y0) - 1
    xs = (np.arange(x1 - x0) + 0.5) * 2 / (x1 - x0) - 1
    return ys[:, None]**2 + xs[None, :]**2 <= 1


def grabcut_mask(img: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Run GrabCut on the box, see :func:`box_mask`."""
    x0, y0, x1, y1 = window.tolist()
    pad = 8  # GrabCut needs background around the box.
    padded = cv2.copyMakeBorder(img, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    labels = np.zeros(padded.shape[:2], dtype=np.uint8)
    cv2.setRNGSeed(0)
    cv2.grabCut(padded, labels, (x0 + pad, y0 + pad, x1 - x0, y1 - y0),
                np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_RECT)
    inside = labels[y0 + pad:y1 + pad, x0 + pad:x1 + pad]
    return (inside == cv2.GC_FGD) | (inside == cv2.GC_PR_FGD)


METHODS = dict(box=box_mask, ellipse=ellipse_mask, grabcut=grabcut_mask)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write a proxy file with masks that need no training. '
        'A run that was interrupted continues where it stopped.')
    parser.add_argument('boxes', help='COCO file of the boxes')
    parser.add_argument('images', help='folder of its images')
    parser.add_argument('out', help='proxy file (.json) to write')
    parser.add_argument('--method', choices=METHODS, default='grabcut')
    add_mask_options(parser)
    return parser.parse_args()


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    coco = CocoBoxes(args.boxes, args.images)
    options = record_options(args)
    source = f'baseline:{args.method}'
    provenance = dict(mask_source=source, **options, truncate=args.truncate)
    writer = ProxyWriter(args.out, args.boxes, provenance, args.polygons)
    writer.prepare()
    finished = writer.finished()
    todo = [img_id for img_id in coco.annotations if img_id not in finished]
    for img_id in track(todo):
        info, anns = coco.images[img_id], coco.annotations[img_id]
        img = read_image(osp.join(args.images, info['file_name']))
        size = info['height'], info['width']
        boxes = xywh_to_xyxy([ann['bbox'] for ann in anns])
        windows = label_windows(boxes, *size, args.truncate)
        masks = [METHODS[args.method](img, window) for window in windows]
        areas = [box_area(ann) for ann in anns]
        ids = [ann['id'] for ann in anns]
        records = make_records(ids, masks, windows, areas, size, **options)
        writer.append(0, img_id, records)
    result = writer.finish()
    print(f'\n{writer.summary(**result)}')


if __name__ == '__main__':
    main()
