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
from converting import Notes, clip_box, make_parser, print_notes, read_coco
from mmengine.utils import mkdir_or_exist

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import file_names, new_folder
from mmboxcaseg.progress import track
from mmboxcaseg.proxy import check_masks, mask_to_polygons
from mmboxcaseg.utils.cli import check_file, exit_on_bad_input

PARTS = dict(join='joined', largest='cut to the largest', error='refused')


def parse_args() -> argparse.Namespace:
    parser = make_parser(__doc__, nproc=False)
    parser.add_argument(
        'proxy', help='proxy file; with --boxes-only any COCO file')
    parser.add_argument(
        'out', help='folder to make; put the images in OUT/images')
    parser.add_argument(
        '--boxes-only',
        action='store_true',
        help='write all boxes except crowds; --parts, --min-score and '
        '--tolerance are for masks')
    parser.add_argument(
        '--parts',
        choices=tuple(PARTS),
        default='join',
        help='what to do with a mask of several parts: link them by lines '
        'without width, keep the largest, or stop (default: %(default)s)')
    parser.add_argument(
        '--min-score',
        type=float,
        default=0,
        help='leave out masks with a lower mask_score (default: write all '
        'masks that are not empty)')
    parser.add_argument(
        '--tolerance',
        type=float,
        default=0.4,
        help='largest distance in pixels of a point left out from the new '
        'outline (default: %(default)s)')
    parser.add_argument(
        '--split', default='train', help='its name in data.yaml')
    args = parser.parse_args()
    if args.tolerance < 0:
        parser.error('--tolerance must not be negative')
    return args


def join(polygons: Sequence[Sequence]) -> list:
    """Link polygons (n, 2) to one, by lines without width.

    All polygons are closed in turn; then the line goes back through their
    first points.
    """
    points = [
        point for polygon in polygons for point in (*polygon, polygon[0])
    ]
    return points + [polygon[0] for polygon in polygons[-2::-1]]


def box_numbers(ann: dict, img: dict, notes: Notes) -> List[float]:
    """Centre, width and height of a box as fractions of the image.

    Empty if the box is left out. Adds the ids of annotations to ``notes``.
    """
    if ann.get('iscrowd'):
        notes['crowds left out'].append(ann['id'])
        return []
    x, y, w, h = ann['bbox']
    box, note = clip_box((x, y, x + w, y + h), img['width'], img['height'])
    if note:
        notes[f'boxes {note}'].append(ann['id'])
    if box is None:
        return []
    x0, y0, x1, y1 = box
    width, height = img['width'], img['height']
    return [(x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width,
            (y1 - y0) / height]


def mask_numbers(ann: dict, img: dict, notes: Notes,
                 args: argparse.Namespace) -> List[float]:
    """Polygon of a proxy mask: x and y in turn as fractions of the image.

    Empty if the mask is left out. Adds the ids of annotations to ``notes``.
    """
    if 'mask_score' not in ann:
        notes['annotations without a mask left out'].append(ann['id'])
        return []
    if ann['mask_score'] < args.min_score:
        notes['masks under --min-score left out'].append(ann['id'])
        return []
    polygons, holes = mask_to_polygons(ann['segmentation'], args.tolerance)
    if not polygons:
        notes['empty masks left out'].append(ann['id'])
        return []
    if len(polygons) > 1:
        if args.parts == 'error':
            raise InputError(
                f'the mask of annotation {ann["id"]} has {len(polygons)} '
                'parts. Choose --parts join or --parts largest.')
        notes[f'masks of several parts {PARTS[args.parts]}'].append(ann['id'])
    if holes:
        notes['masks with holes, which are filled'].append(ann['id'])
    points = join(polygons if args.parts == 'join' else polygons[:1])
    return (np.array(points) / [img['width'], img['height']]).ravel().tolist()


def write_folder(folder: str, data: dict, numbers: Callable,
                 args: argparse.Namespace) -> int:
    """Write data.yaml and a label file per image; returns the line count."""
    # YOLO counts classes from 0.
    classes = {cat['id']: i for i, cat in enumerate(data['categories'])}
    config = {
        'path': '.',
        args.split: 'images',
        'nc': len(classes),
        'names': {
            i: c['name']
            for i, c in enumerate(data['categories'])
        }
    }
    with open(osp.join(folder, 'data.yaml'), 'w', encoding='utf-8') as file:
        yaml.safe_dump(config, file)
    annotations = defaultdict(list)
    for ann in data['annotations']:
        annotations[ann['image_id']].append(ann)
    names, written = file_names(data['images'], '.txt', args.proxy), 0
    for img in track(data['images']):
        lines = [(classes[ann['category_id']], numbers(ann, img))
                 for ann in annotations[img['id']]]
        lines = [[number, *values] for number, values in lines if values]
        path = osp.join(folder, 'labels', names[img['id']])
        mkdir_or_exist(osp.dirname(path))
        with open(path, 'w', encoding='utf-8') as file:
            file.writelines(' '.join(map(str, line)) + '\n' for line in lines)
        written += len(lines)
    return written


def run(args: argparse.Namespace) -> None:
    """Write the folder and print what was left out or changed."""
    data = read_coco(args.proxy, args.skip_broken)
    notes: Notes = defaultdict(list)
    numbers = partial(box_numbers, notes=notes)
    if not args.boxes_only:
        check_masks(data['annotations'], args.proxy)
        numbers = partial(mask_numbers, notes=notes, args=args)
    with new_folder(args.out) as folder:
        written = write_folder(folder, data, numbers, args)
    print_notes(notes)
    print(f'{args.out}: {written} {"boxes" if args.boxes_only else "masks"} '
          'written')


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.proxy, 'COCO file' if args.boxes_only else 'proxy file')
    run(args)


if __name__ == '__main__':
    main()
