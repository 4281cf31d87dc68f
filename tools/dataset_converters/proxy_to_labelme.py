"""Write the masks of a proxy file as labelme files, to correct them by hand.

labelme_to_proxy.py reads them back. See docs/proxy_file.md. Example:

    python tools/dataset_converters/proxy_to_labelme.py \\
        proxy.json images labelme
"""
import argparse
import os.path as osp
from collections import Counter

from converting import attempt, check_broken, make_parser
from mmengine.fileio import dump
from mmengine.utils import mkdir_or_exist

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (CocoBoxes, describe, file_names,
                                      image_problem, new_folder)
from mmboxcaseg.progress import track
from mmboxcaseg.proxy import check_masks, to_labelme
from mmboxcaseg.utils.cli import check_file, exit_on_bad_input


def parse_args() -> argparse.Namespace:
    parser = make_parser(__doc__, nproc=False)
    parser.add_argument('proxy', help='proxy file')
    parser.add_argument('images', help='folder of its images')
    parser.add_argument('out', help='folder to make')
    parser.add_argument(
        '--tolerance',
        type=float,
        default=0.4,
        help='largest distance in pixels of a point left out from the new '
        'outline (default: %(default)s)')
    args = parser.parse_args()
    if args.tolerance < 0:
        parser.error('--tolerance must not be negative')
    return args


def run(args: argparse.Namespace) -> None:
    """Write the files and print what they cannot hold."""
    coco = CocoBoxes(args.proxy, img_prefix=None)
    check_masks(coco.data['annotations'], args.proxy)

    def check(img: dict) -> None:
        path = osp.join(args.images, img['file_name'])
        code = image_problem(path, (img['height'], img['width']))
        if code:
            raise InputError(describe(code))

    errors = {
        i['file_name']: attempt(check, i)[1]
        for i in coco.data['images']
    }
    broken = {name: error for name, error in errors.items() if error}
    check_broken(broken, len(coco.data['images']), args.skip_broken)
    images = [i for i in coco.data['images'] if i['file_name'] not in broken]
    labels = {cat['id']: cat['name'] for cat in coco.data['categories']}
    names = file_names(images, '.json', args.proxy)
    counts: Counter = Counter()
    with new_folder(args.out) as folder:
        for img in track(images):
            out = osp.join(folder, names[img['id']])
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


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.proxy, 'proxy file')
    run(args)


if __name__ == '__main__':
    main()
