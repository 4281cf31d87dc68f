"""Copy a COCO file without its masks, for weak supervision.

`area` becomes the area of the box. --num-images keeps a random part of the
images. See docs/converters.md. Example:

    python tools/dataset_converters/boxes_only.py \\
        instances_train.json boxes_train_100.json --num-images 100
"""
import argparse

import numpy as np
from converting import make_parser, read_coco

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import boxes_only, check_file, write_coco
from mmboxcaseg.utils.cli import at_least, exit_on_bad_input


def parse_args() -> argparse.Namespace:
    parser = make_parser(__doc__, nproc=False)
    parser.add_argument('ann_file', help='COCO file')
    parser.add_argument('out', help='COCO file of boxes (.json) to write')
    parser.add_argument(
        '--num-images',
        type=int,
        help='number of images to draw at random (default: all). With the '
        'same seed a small subset is part of a larger one')
    parser.add_argument(
        '--seed', type=at_least(0), default=0, help='(default: 0)')
    return parser.parse_args()


def draw_images(data: dict, num_images: int, seed: int) -> dict:
    """Keep some images of a COCO file, in their order, and their boxes."""
    images = data['images']
    if not 0 < num_images <= len(images):
        raise InputError(f'--num-images {num_images} must be between 1 and '
                         f'the {len(images)} images of the file.')
    drawn = np.random.default_rng(seed).permutation(len(images))[:num_images]
    images = [images[i] for i in sorted(drawn)]
    ids = {img['id'] for img in images}
    anns = [ann for ann in data['annotations'] if ann['image_id'] in ids]
    return dict(data, images=images, annotations=anns)


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.ann_file, 'COCO file')
    data = boxes_only(read_coco(args.ann_file, args.skip_broken))
    total = len(data['images'])
    if args.num_images is not None:
        data = draw_images(data, args.num_images, args.seed)
    write_coco(args.out, data)
    print(f'{args.out}: {len(data["annotations"])} boxes of '
          f'{len(data["images"])} of {total} images')


if __name__ == '__main__':
    main()
