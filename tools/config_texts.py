"""The texts of the configs that new_dataset.py writes, from templates/."""
import argparse
import math
import os.path as osp
import pprint
from pathlib import Path
from typing import Dict, Sequence

import config_rules as rules
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

TOOLS = Path(__file__).resolve().parent
# Beside the tools in a checkout, and in mmboxcaseg/.mim where it is installed.
CONFIGS = TOOLS.with_name('configs')


def config_path(args: argparse.Namespace, stage: str) -> str:
    """Name the config of a stage after the folder that it is in."""
    return osp.join(args.out, f'{args.name}_{stage}.py')


def base_path(out: Path, config: str) -> str:
    """Name the base of a config.

    Args:
        out (Path): The folder of the config.
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


def make_texts(args: argparse.Namespace, sizes: rules.BoxSizes,
               classes: Sequence[str], numbers: Dict[str, int]) -> dict:
    """Make the texts of the configs.

    Args:
        args (argparse.Namespace): The command line.
        sizes (BoxSizes): Sizes of the boxes and images.
        classes (Sequence[str]): Names of the classes.
        numbers (dict[str, int]): Numbers of masks by source, the largest at
            the end. Without any, only the detector has a config.

    Returns:
        dict[str, str]: Text by path.
    """
    env = Environment(
        loader=FileSystemLoader(TOOLS / 'templates'),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True)
    env.filters.update(repr=repr, commas='{:,}'.format)
    env.globals.update(
        args=args,
        name=args.name,
        results=osp.join('work_dirs', args.name),
        rules=rules,
        size=rules.SIZES[args.size],
        sizes=sizes)
    stages = labeller_stages(args, sizes, numbers) if numbers else {}
    stages['detector'] = detector_values(args, sizes, classes)
    return {
        config_path(args, stage):
        env.get_template(f'{stage}.py.j2').render(values)
        for stage, values in stages.items()
    }


def labeller_stages(args: argparse.Namespace, sizes: rules.BoxSizes,
                    numbers: Dict[str, int]) -> Dict[str, dict]:
    """Variables of all templates except the detector's, by stage."""
    size = rules.SIZES[args.size]
    num_masks = [*numbers.values()]
    crop_size, label_size = rules.choose_crop_sizes(sizes.sides, size.max_crop)
    labeller = dict(
        rules.labeller_schedule(len(sizes.sides), num_masks, args.gpus, size),
        base=base_path(Path(args.out), size.labeller),
        numbers=numbers,
        large_side=math.ceil(np.quantile(sizes.sides, 0.95)),
        crop_size=crop_size,
        label_size=label_size)
    stages = dict(labeller=labeller)
    if args.second_round:
        stages['student'] = rules.student_schedule(labeller, num_masks,
                                                   args.gpus)
    return dict(stages, pipeline={})


def detector_values(args: argparse.Namespace, sizes: rules.BoxSizes,
                    classes: Sequence[str]) -> dict:
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
        # Masks of other sources may have no expected IoU.
        soft=size.soft and args.has_labeller,
        small_box=round(small),
        median_box=round(median),
        gate_side=gate_side,
        below_gate=round(100 * np.mean(sizes.shorter < gate_side)))
