"""Write masks or boxes as labels for YOLO: data.yaml and one file per image.

The masks of a proxy file become labels for segmentation; with --boxes-only
the boxes of any COCO file become labels for detection. See
docs/proxy_file.md. Example:

    python tools/dataset_converters/proxy_to_yolo.py proxy.json yolo
"""
import argparse
import os.path as osp
from collections import defaultdict
from functools import partial
from typing import Callable, List, Sequence

import numpy as np
import yaml
from converting import (Notes, add_tolerance, clip_box, make_parser,
                        print_notes, read_coco)
from mmengine.utils import mkdir_or_exist

from mmboxcaseg import InputError, track
from mmboxcaseg.datasets.coco import (check_file, file_names, is_ignored,
                                      new_folder)
from mmboxcaseg.proxy import check_masks, mask_to_polygons
from mmboxcaseg.utils.cli import exit_on_bad_input

PARTS = dict(join='joined', largest='cut to the largest', error='refused')


def parse_args() -> argparse.Namespace:
    parser = make_parser(__doc__, nproc=False)
    parser.add_argument(
        'proxy', help='proxy file; with --boxes-only any COCO file')
    parser.add_argument(
        'out', help='folder to make; put the images in OUT/images')
    text = ('write all boxes, except crowds and those marked `ignore`; '
            '--parts, --min-score and --tolerance are for masks')
    parser.add_argument('--boxes-only', action='store_true', help=text)
    parser.add_argument(
        '--parts',
        choices=tuple(PARTS),
        default='join',
        help='what to do with a mask of several parts: connect them by lines '
        'of zero width, keep the largest, or stop (default: %(default)s)')
    text = ('leave out masks with a lower mask_score, except those with a '
            'mask_weight (default: write all masks that are not empty)')
    parser.add_argument('--min-score', type=float, default=0, help=text)
    add_tolerance(parser)
    parser.add_argument('--split', default='train', help='name in data.yaml')
    return parser.parse_args()


def join(polygons: Sequence[Sequence]) -> list:
    """Connect polygons (n, 2) to one polygon, by lines of zero width.

    It follows each polygon and closes it, and at the end goes back through
    their first points.
    """
    closed = [point for p in polygons for point in (*p, p[0])]
    return closed + [polygon[0] for polygon in polygons[-2::-1]]


def ignored(ann: dict, what: str) -> str:
    """Note about a box or mask for which :func:`is_ignored` is true."""
    kind = 'crowds' if ann.get('iscrowd') else f'{what} marked `ignore`'
    return f'{kind} left out'


def box_numbers(ann: dict, img: dict, notes: Notes) -> List[float]:
    """Centre, width and height of a box as fractions of the image.

    Empty if the box is left out. Adds the ids of annotations to ``notes``.
    """
    if is_ignored(ann):
        notes[ignored(ann, 'boxes')].append(ann['id'])
        return []
    x, y, w, h = ann['bbox']
    box, note = clip_box((x, y, x + w, y + h), img['width'], img['height'])
    if note:
        notes[f'boxes {note}'].append(ann['id'])
    if box is None:
        return []
    x0, y0, x1, y1 = box
    numbers = np.array([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0])
    return (numbers / ([img['width'], img['height']] * 2)).tolist()


def mask_numbers(ann: dict, img: dict, notes: Notes,
                 args: argparse.Namespace) -> List[float]:
    """Polygon of a proxy mask: x0, y0, x1, ... as fractions of the image.

    Empty if the mask is left out. Adds the ids of annotations to ``notes``.
    """
    reason, polygons, holes = 'empty masks left out', [], 0
    if 'mask_score' not in ann:
        reason = 'annotations without a mask left out'
    elif is_ignored(ann):
        reason = ignored(ann, 'masks')
    elif ann.get('mask_weight') == 0:
        reason = 'masks with `mask_weight` 0 left out'
    elif 'mask_weight' not in ann and ann['mask_score'] < args.min_score:
        reason = 'masks under --min-score left out'
    else:
        polygons, holes = mask_to_polygons(ann['segmentation'], args.tolerance)
    if not polygons:
        notes[reason].append(ann['id'])
        return []
    if len(polygons) > 1:
        if args.parts == 'error':
            raise InputError(
                f'the mask of annotation {ann["id"]} has {len(polygons)} '
                'parts. Choose --parts join or --parts largest.')
        notes[f'masks of several parts {PARTS[args.parts]}'].append(ann['id'])
    if holes:
        notes['masks had holes, which were filled'].append(ann['id'])
    points = join(polygons if args.parts == 'join' else polygons[:1])
    return (np.array(points) / [img['width'], img['height']]).ravel().tolist()


def write_folder(folder: str, data: dict, numbers: Callable,
                 args: argparse.Namespace) -> int:
    """Write data.yaml and a label file per image; return the line count."""
    # YOLO counts classes from 0.
    classes = {cat['id']: i for i, cat in enumerate(data['categories'])}
    names = {i: cat['name'] for i, cat in enumerate(data['categories'])}
    config = {'path': '.', args.split: 'images', 'nc': len(names)}
    config['names'] = names
    with open(osp.join(folder, 'data.yaml'), 'w', encoding='utf-8') as file:
        yaml.safe_dump(config, file)
    annotations = defaultdict(list)
    for ann in data['annotations']:
        annotations[ann['image_id']].append(ann)
    files, written = file_names(data['images'], '.txt', args.proxy), 0
    for img in track(data['images']):
        lines = [(classes[ann['category_id']], numbers(ann, img))
                 for ann in annotations[img['id']]]
        lines = [[number, *values] for number, values in lines if values]
        path = osp.join(folder, 'labels', files[img['id']])
        mkdir_or_exist(osp.dirname(path))
        with open(path, 'w', encoding='utf-8') as file:
            file.writelines(' '.join(map(str, line)) + '\n' for line in lines)
        written += len(lines)
    return written


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.proxy, 'COCO file' if args.boxes_only else 'proxy file')
    data = read_coco(args.proxy, args.skip_broken)
    notes: Notes = defaultdict(list)
    numbers = partial(box_numbers, notes=notes)
    if not args.boxes_only:
        check_masks(data['annotations'], args.proxy)
        numbers = partial(mask_numbers, notes=notes, args=args)
    with new_folder(args.out) as folder:
        written = write_folder(folder, data, numbers, args)
    print_notes(notes)
    what = 'boxes' if args.boxes_only else 'masks'
    print(f'{args.out}: {written} {what} written')


if __name__ == '__main__':
    main()
