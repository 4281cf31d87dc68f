"""Write the configs of all three stages for a data set of your own.

See docs/custom_dataset.md. Example:

    python tools/new_dataset.py --boxes boxes.json --images images \\
        --salient DUTS-TR/DUTS-TR-Image DUTS-TR/DUTS-TR-Mask --size w18

Three short files go to the folder OUT, and inherit the configs that are
there: OUT_labeller.py, OUT_detector.py and OUT_pipeline.py. They are meant to
be edited. Without --salient it is OUT_detector.py alone, for masks of another
source (docs/sam.md).

The rules for what is in them, each repeated where it is used:

- Classes: names and order of the file of the boxes.
- Crops of the labeller: a square that 95 % of the boxes fit into by area, in
  steps of 32 px, between 96 px and 288 px (tiny: 128 px). Labelling takes
  10 / 9 of it, as the paper does (288 and 320 px).
- Images of the detector: those of the base config, 1333 x 800 px (tiny:
  320 x 320 px), but in the median not enlarged more than twofold.
- Length of the labeller's training: crops for 40 passes over boxes and salient
  images, as the paper on VOC, but 90,000 at least (the photographs of
  docs/labeller.md) and 900,000 at most (the paper on COCO).
- Length of the detector's training: 12 epochs, as on COCO, or more until
  120,000 images are seen, about as many as on VOC (tiny: 24,000).
- Learning rates: in proportion to the global batch, from 0.002 for 16 crops
  and 0.0025 for 2 images (tiny: 0.002 for 8 images).
- Threshold of mask scores: the paper's 0.95 (tiny: 0.8).
"""
import argparse
import math
import os.path as osp
import pprint
from importlib.util import find_spec
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
from config_rules import (BATCH_SIZE, LABELLER_LR, MAX_CROPS, MIN_CROPS,
                          MIN_EPOCHS, NUM_SALIENT, PASSES, SIZES, BoxSizes,
                          choose_crop_sizes, choose_scale, detector_schedule,
                          labeller_schedule)
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from mmengine.config import Config

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (CocoBoxes, check_class_order,
                                      check_true_masks, first_few,
                                      write_atomically)
from mmboxcaseg.utils.cli import check_file, exit_on_bad_input

TOOLS = Path(__file__).resolve().parent
# Beside the tools in a checkout, and in mmboxcaseg/.mim where it is installed.
CONFIGS = TOOLS.with_name('configs')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--boxes', required=True, help='COCO file of boxes')
    parser.add_argument('--images', required=True, help='folder of its images')
    parser.add_argument(
        '--salient',
        nargs='+',
        default=[],
        metavar='DIR',
        help='folder with images/ and masks/, or two folders: that of the '
        'salient images and that of their masks (.png). Without them no '
        'labeller is trained')
    parser.add_argument(
        '--val', help='COCO file with true masks, to measure on')
    parser.add_argument(
        '--val-images',
        help='folder of its images (default: that of --images)')
    parser.add_argument(
        '--gpus',
        type=int,
        default=1,
        help='number of GPUs to train on; 1 also for a CPU '
        '(default: %(default)s)')
    parser.add_argument(
        '--size',
        choices=SIZES,
        default='w48',
        help='networks: HRNetV2-W48 and ResNet-101 (w48, the paper\'s, '
        'default), HRNetV2-W18 and ResNet-50 (w18), or small ones for a CPU '
        '(tiny)')
    parser.add_argument(
        '--out',
        default='configs/mine',
        help='folder of the configs; its name is that of the data set '
        '(default: %(default)s)')
    parser.add_argument(
        '--force',
        action='store_true',
        help='overwrite configs that are there and differ')
    args = parser.parse_args()
    if len(args.salient) > 2:
        parser.error('--salient takes one folder or two')
    if args.val_images and not args.val:
        parser.error('--val-images needs --val')
    if args.gpus < 1:
        parser.error('--gpus must be 1 or more')
    if len(args.salient) == 1:
        folder, = args.salient
        args.salient = [osp.join(folder, 'images'), osp.join(folder, 'masks')]
    args.val_images = args.val_images or args.images
    return args


def read_salient(images: str, masks: str, gpus: int) -> int:
    """Check the salient images and count them.

    Args:
        images (str): Folder of the images.
        masks (str): Folder of the masks.
        gpus (int): Number of GPUs.

    Returns:
        int: Their number.

    Raises:
        FileNotFoundError: See :class:`SalientDataset`.
        InputError: They do not fill one batch.
    """
    # After the arguments: mmdet takes seconds to import.
    from mmboxcaseg.datasets import SalientDataset

    num = len(SalientDataset(data_prefix=dict(img=images, mask=masks)))
    if num < NUM_SALIENT * gpus:
        raise InputError(
            f'{images} has {num} salient images, one batch on {gpus} GPU(s) '
            f'needs {NUM_SALIENT * gpus}: add more, or use less GPUs.')
    return num


def check_val(coco: CocoBoxes, classes: Tuple[str, ...]) -> None:
    """Check that a detector can be measured on a COCO file.

    Args:
        coco (CocoBoxes): Its content.
        classes (tuple[str]): The classes that are learnt.

    Raises:
        InputError: Classes are missing or in another order, so that mmdet
            would number them otherwise, or an annotation has no mask.
    """
    check_class_order(coco.data['categories'], classes, coco.ann_file)
    anns = [ann for group in coco.annotations.values() for ann in group]
    check_true_masks(anns, coco.images, coco.ann_file)


def base_path(out: Path, config: str) -> str:
    """How a config in a folder names its base.

    Args:
        out (Path): The folder.
        config (str): Path of the base below configs/.

    Returns:
        str: Relative inside the checkout, so that it can be moved as a whole.
        Outside of it, and where mmboxcaseg was installed, the new configs may
        be moved alone: then it is absolute.
    """
    base = CONFIGS / config
    if out.resolve().is_relative_to(CONFIGS.parent):
        return osp.relpath(base, out.resolve())
    return str(base)


def labeller_values(args: argparse.Namespace, sizes: BoxSizes,
                    num_salient: int) -> dict:
    """Choose what is in the labeller's config.

    Args:
        args (argparse.Namespace): The command line.
        sizes (BoxSizes): Sizes of boxes and images.
        num_salient (int): Number of salient images.

    Returns:
        dict: Variables of its template.
    """
    size, sides = SIZES[args.size], sizes.sides()
    crop_size, label_size = choose_crop_sizes(sides, size.max_crop)
    return dict(
        labeller_schedule(len(sides), num_salient, args.gpus),
        base=base_path(Path(args.out), size.labeller),
        num_boxes=f'{len(sides):,}',
        num_images=f'{len(sizes.images):,}',
        num_salient=f'{num_salient:,}',
        large_side=math.ceil(np.quantile(sides, 0.95)),
        max_crop=size.max_crop,
        crop_size=crop_size,
        label_size=label_size,
        passes=PASSES,
        min_crops=f'{MIN_CROPS:,}',
        max_crops=f'{MAX_CROPS:,}',
        batch_size=BATCH_SIZE,
        lr=f'{LABELLER_LR * args.gpus:g}')


def detector_values(args: argparse.Namespace, sizes: BoxSizes,
                    classes: Tuple[str, ...]) -> dict:
    """Choose what is in the detector's config.

    Args:
        args (argparse.Namespace): The command line.
        sizes (BoxSizes): Sizes of boxes and images.
        classes (tuple[str]): Names in the order of the file.

    Returns:
        dict: Variables of its template.
    """
    size = SIZES[args.size]
    scale = choose_scale(sizes, size.scale)
    resized = sizes.resized_sides(scale)
    gate_side = round(2 / (1 - size.mask_score_thr))
    return dict(
        detector_schedule(
            len(sizes.images), size.min_images, size.batch_size * args.gpus),
        base=base_path(Path(args.out), size.detector),
        classes=pprint.pformat(classes, width=69, compact=True),
        scale=scale,
        small_box=round(np.quantile(resized, 0.25)),
        median_box=round(np.median(resized)),
        mask_score_thr=size.mask_score_thr,
        gate_side=gate_side,
        below_gate=round(100 * np.mean(sizes.shorter_sides() < gate_side)),
        min_epochs=MIN_EPOCHS,
        min_images=f'{size.min_images:,}',
        batch_size=size.batch_size,
        lr=f'{size.lr * args.gpus:g}')


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
        check_val(CocoBoxes(args.val, args.val_images), coco.classes)
    sizes = BoxSizes(coco)
    print(f'{len(sizes.boxes)} boxes of {len(coco.classes)} classes in '
          f'{len(sizes.images)} images')
    work_dir = osp.join('work_dirs', Path(args.out).resolve().name)
    values = {}
    if args.salient:
        num_salient = read_salient(*args.salient, args.gpus)
        print(f'{num_salient} salient images')
        values['labeller'] = dict(
            labeller_values(args, sizes, num_salient),
            work_dir=osp.join(work_dir, 'labeller'))
    values['detector'] = dict(
        detector_values(args, sizes, coco.classes),
        work_dir=osp.join(work_dir, 'proxy'),
        proxy=osp.join(work_dir, 'label.json'))
    if args.salient:
        values['pipeline'] = {}
    return fill_templates(args, values)


def fill_templates(args: argparse.Namespace,
                   values: Dict[str, dict]) -> Dict[str, str]:
    """Make the texts of the configs.

    Args:
        args (argparse.Namespace): The command line.
        values (dict[str, dict]): Variables of the templates by stage, beside
            those that all have.

    Returns:
        dict[str, str]: Text by path.
    """
    env = Environment(
        loader=FileSystemLoader(TOOLS / 'templates'),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True)
    env.filters['repr'] = repr
    name = Path(args.out).resolve().name
    shared = dict(
        name=name,
        small=args.size == 'tiny',
        gpus=args.gpus,
        boxes=args.boxes,
        images=args.images,
        salient=args.salient,
        val=args.val,
        val_images=args.val_images)
    return {
        config_path(args, stage):
        env.get_template(f'{stage}.py.j2').render(shared, **own)
        for stage, own in values.items()
    }


def config_path(args: argparse.Namespace, stage: str) -> str:
    """Name the config of a stage after the folder that it is in."""
    name = Path(args.out).resolve().name
    return osp.join(args.out, f'{name}_{stage}.py')


def write_configs(configs: Dict[str, str], force: bool) -> None:
    """Write the configs, all or none.

    Args:
        configs (dict[str, str]): Text by path.
        force (bool): Whether to overwrite files that differ.

    Raises:
        InputError: A file is there and differs.
    """
    differing = [
        path for path, text in configs.items()
        if osp.exists(path) and Path(path).read_text('utf-8') != text
    ]
    if differing and not force:
        raise InputError(
            f'{first_few(differing)}: there already, and different. '
            'Choose another '
            '--out, or overwrite with --force what was edited there.')
    for path, text in configs.items():
        write_atomically(path, [text])
        print(f'written: {path}')


def tool_call(tool: str, gpus: int = 1) -> str:
    """Say how a tool is called from the folder at hand.

    Args:
        tool (str): Its path below tools/.
        gpus (int): Number of GPUs that it runs on.

    Returns:
        str: The command, without arguments. Where mmboxcaseg was installed
        it is one of ``mim``, if that is installed, too.
    """
    inside = TOOLS.is_relative_to(Path.cwd())
    path = osp.relpath(TOOLS / tool) if inside else TOOLS / tool
    if gpus > 1:
        return f'torchrun --nproc_per_node {gpus} {path}'
    if TOOLS.parent.name == '.mim' and find_spec('mim'):
        return f'mim run mmboxcaseg {Path(tool).stem}'
    return f'python {path}'


def next_commands(args: argparse.Namespace) -> List[str]:
    """Say what to type next.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        list[str]: The commands.
    """
    detector = config_path(args, 'detector')
    # Read as the commands will read it.
    cfg = Config.fromfile(detector)
    dataset = cfg.train_dataloader.dataset
    report = osp.join(osp.dirname(dataset.ann_file), 'report.html')
    train, test = (tool_call(f'{n}.py', args.gpus) for n in ('train', 'test'))
    launcher = ' --launcher pytorch' if args.gpus > 1 else ''
    if args.salient:
        labeller = config_path(args, 'labeller')
        checkpoint = f'{Config.fromfile(labeller).work_dir}/last_checkpoint'
        commands = [
            f'{tool_call("check_data.py")} {labeller}',
            f'{train} {labeller}{launcher}',
            f'{tool_call("label.py", args.gpus)} {labeller} '
            f'$(cat {checkpoint}) {dataset.ann_file}{launcher}',
        ]
    else:
        commands = [
            f'{tool_call("merge_masks.py")} {args.boxes} PREDICTIONS.json '
            f'{dataset.ann_file} --source NAME'
        ]
    commands += [
        f'{tool_call("analysis_tools/proxy_report.py")} {dataset.ann_file} '
        f'--img-prefix {dataset.data_prefix.img} '
        f'--threshold {dataset.mask_score_thr} --out {report}',
        f'{train} {detector}{launcher}',
    ]
    if cfg.val_dataloader:
        commands.append(f'{test} {detector} '
                        f'$(cat {cfg.work_dir}/last_checkpoint){launcher}')
    return commands


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.boxes, 'COCO file of the boxes')
    if args.val:
        check_file(args.val, 'COCO file to measure on')
    configs = make_configs(args)
    write_configs(configs, args.force)
    print('Look at them; then type')
    for command in next_commands(args):
        print(f'    {command}')


if __name__ == '__main__':
    main()
