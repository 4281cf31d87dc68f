import argparse
import os.path as osp
from collections import Counter

from mmengine.fileio import dump
from mmengine.utils import mkdir_or_exist, track_iter_progress

from mmboxcaseg.datasets.coco import CocoBoxes, file_names, new_folder
from mmboxcaseg.proxy import check_masks, to_labelme
from mmboxcaseg.utils.cli import check_file, exit_on_bad_input


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write the masks of a proxy file as labelme files, one '
        'an image, to correct them by hand; labelme_to_proxy.py reads them '
        'back. See docs/proxy_file.md.')
    parser.add_argument('proxy', help='proxy file')
    parser.add_argument('img_prefix', help='folder of its images')
    parser.add_argument('out_dir', help='folder to make')
    parser.add_argument(
        '--tolerance',
        type=float,
        default=0.4,
        help='how far a point may be from the outline that it is left out '
        'of, in pixels (default: %(default)s)')
    args = parser.parse_args()
    if args.tolerance < 0:
        parser.error('--tolerance must not be negative')
    return args


def run(args: argparse.Namespace) -> None:
    """Write the files and print what they cannot hold."""
    coco = CocoBoxes(args.proxy, args.img_prefix)
    check_masks(coco.data['annotations'], args.proxy)
    labels = {cat['id']: cat['name'] for cat in coco.data['categories']}
    names = file_names(coco.data['images'], '.json', args.proxy)
    counts = Counter()
    with new_folder(args.out_dir) as folder:
        for img in track_iter_progress(coco.data['images']):
            out = osp.join(folder, names[img['id']])
            image_path = osp.relpath(
                osp.join(args.img_prefix, img['file_name']), osp.dirname(out))
            content, image_counts = to_labelme(
                img, coco.annotations.get(img['id'], []), labels, image_path,
                args.tolerance)
            mkdir_or_exist(osp.dirname(out))
            dump(content, out, indent=2)
            counts.update(image_counts)
    print(f'\n{args.out_dir}: {counts["masks"]} masks as {counts["parts"]} '
          f'polygons, {counts["holes"]} holes in {counts["with_holes"]} '
          f'masks filled, {counts["empty"]} empty masks left out')


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.proxy, 'proxy file')
    run(args)


if __name__ == '__main__':
    main()
