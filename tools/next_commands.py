"""The commands that follow new_dataset.py, for the shell."""
import argparse
import os.path as osp
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from typing import List

import config_rules as rules
from config_texts import config_path
from mmengine.config import Config

from mmboxcaseg.datasets.coco import MaskFilter
from mmboxcaseg.proxy.options import filter_arguments
from mmboxcaseg.utils.cli import path_setting

TOOLS = Path(__file__).resolve().parent


def call(tool: str, *words: str, gpus: int = 1) -> str:
    """Write how to call a tool from the current folder.

    Args:
        tool (str): Its path below tools/.
        words (str): Its arguments, quoted where needed.
        gpus (int): Number of GPUs that it runs on.

    Returns:
        str: The command: one of ``mim`` if that and mmboxcaseg are installed.
    """
    inside = TOOLS.is_relative_to(Path.cwd())
    path = quote(osp.relpath(TOOLS / tool) if inside else str(TOOLS / tool))
    start = f'python {path}'
    if gpus > 1:
        start = f'torchrun --nproc_per_node {gpus} {path}'
        words = *words, '--launcher pytorch'
    elif TOOLS.parent.name == '.mim' and find_spec('mim'):
        start = f'mim run mmboxcaseg {Path(tool).stem}'
    return ' '.join([start, *words])


def newest_of(cfg: Config) -> str:
    """Write the newest checkpoint of a training."""
    path = f'{cfg.work_dir}/last_checkpoint'
    command, absolute = f'$(cat {quote(path)})', osp.abspath(path)
    # The file has an absolute path. One with spaces stays one word.
    return command if quote(absolute) == absolute else f'"{command}"'


def start_from(cfg: Config) -> str:
    """Write the setting that starts from the weights of a training."""
    folder = osp.abspath(cfg.work_dir)
    # A quotation mark if the path would be read as a list.
    _, _, mark = path_setting('load_from', folder).partition(folder)
    mark = quote(mark) if mark else ''
    return f'load_from={mark}{newest_of(cfg)}{mark}'


def next_commands(args: argparse.Namespace) -> List[str]:
    """List the commands for the configs that were written.

    Args:
        args (argparse.Namespace): The command line of new_dataset.py.

    Returns:
        list[str]: The commands, in order.
    """
    path = config_path(args, 'detector')
    # Read as the commands will read it.
    cfg, detector = Config.fromfile(path), quote(path)
    dataset = cfg.train_dataloader.dataset
    proxy_file = quote(dataset.ann_file)
    run = partial(call, gpus=args.gpus)
    if args.has_labeller:
        commands = labeller_commands(args, proxy_file)
    else:
        commands = [
            call('merge_masks.py', quote(args.boxes), 'PREDICTIONS.json',
                 proxy_file, '--source NAME')
        ]
    report = osp.join(osp.dirname(dataset.ann_file), 'report.html')
    commands += [
        call('analysis_tools/proxy_report.py', proxy_file, '--images',
             quote(dataset.data_prefix.img),
             *filter_arguments(MaskFilter.of_dataset(**dataset)), '--out',
             quote(report)),
        run('train.py', detector)
    ]
    if cfg.val_dataloader:
        commands.append(run('test.py', detector, newest_of(cfg)))
    return commands


def labeller_commands(args: argparse.Namespace, proxy_file: str) -> List[str]:
    """List the commands that train the labeller and write the proxy file."""
    path = config_path(args, 'labeller')
    first, labeller = Config.fromfile(path), quote(path)
    checkpoint = newest_of(first)
    run = partial(call, gpus=args.gpus)
    label = partial(run, 'label.py', labeller)
    options = rules.LABEL_OPTIONS
    commands = [call('check_data.py', labeller), run('train.py', labeller)]
    if args.second_round:
        student = config_path(args, 'student')
        cfg = Config.fromfile(student)
        commands += [
            label(checkpoint, quote(cfg.surest.ann_file), *options),
            run('train.py', quote(student), '--cfg-options', start_from(first))
        ]
        checkpoint = newest_of(cfg)
    return [*commands, label(checkpoint, proxy_file, *options)]
