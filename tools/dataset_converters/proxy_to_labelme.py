"""Write the masks of a proxy file as labelme files, to correct them by hand.

labelme_to_proxy.py reads them back. See docs/proxy_file.md. Example:

    python tools/dataset_converters/proxy_to_labelme.py \\
        proxy.json images labelme
"""
import argparse
import os.path as osp
from collections import Counter
from functools import partial

from converting import add_tolerance, make_parser, read_all, read_proxy
from mmengine.fileio import dump
from mmengine.utils import mkdir_or_exist

from mmboxcaseg import InputError, track
from mmboxcaseg.datasets.coco import (describe, file_names, image_problem,
                                      new_folder)
from mmboxcaseg.proxy import to_labelme
from mmboxcaseg.utils.cli import exit_on_bad_input


def parse_args() -> argparse.Namespace:
    parser = make_parser(__doc__, nproc=False)
    parser.add_argument('proxy', help='proxy file')
    parser.add_argument('images', help='folder of its images')
    parser.add_argument('out', help='folder to make')
    add_tolerance(parser)
    return parser.parse_args()


def check_image(img: dict, folder: str) -> dict:
    """Return the record of an image; raise InputError if its file differs."""
    code = image_problem(
        osp.join(folder, img['file_name']), (img['height'], img['width']))
    if code:
        raise InputError(describe(code))
    return img


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    coco = read_proxy(args.proxy)
    names = file_names(coco.data['images'], '.json', args.proxy)
    tasks = {img['file_name']: img for img in coco.data['images']}
    check = partial(check_image, folder=args.images)
    images = list(read_all(check, tasks, args).values())
    labels = {cat['id']: cat['name'] for cat in coco.data['categories']}
    counts: Counter = Counter()
    with new_folder(args.out) as folder:
        for img in track(images):
            out = osp.join(folder, names[img['id']])
            # labelme searches the image relative to the JSON file.
            image_path = osp.relpath(
                osp.join(args.images, img['file_name']), osp.dirname(out))
            content, image_counts = to_labelme(
                img, coco.annotations.get(img['id'], []), labels, image_path,
                args.tolerance)
            mkdir_or_exist(osp.dirname(out))
            dump(content, out, indent=2)
            counts.update(image_counts)
    print(f'{args.out}: {counts["masks"]} masks as {counts["parts"]} '
          f'polygons, {counts["holes"]} holes in {counts["with_holes"]} '
          f'masks filled, {counts["empty"]} empty masks left out')


if __name__ == '__main__':
    main()
