"""Plot validation metrics of a training against the epoch.

mmdet's analyze_logs.py plots losses and mAP; this tool plots any metric.
"""
import argparse
import json
import os.path as osp
from typing import Dict, List

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from mmengine.fileio import get_text
from mmengine.utils import scandir

from mmboxcaseg import InputError
from mmboxcaseg.utils.cli import exit_on_bad_input


def read_log(path: str) -> List[dict]:
    """Read the lines of a log; raise InputError if a line is not JSON."""
    entries, lines = [], get_text(path).splitlines()
    for number, line in enumerate(lines, 1):
        try:
            entries.append(json.loads(line))
        except ValueError as error:
            # A training that was killed can leave half of its last line.
            if number < len(lines):
                raise InputError(f'{path}, line {number}, is not JSON: '
                                 f'{error}. Remove the line.') from error
    return entries


def read_validations(work_dir: str) -> Dict[int, dict]:
    """Read validations by epoch; a resumed training has several logs."""
    epochs = {}
    for name in sorted(scandir(work_dir, 'scalars.json', recursive=True)):
        lines = read_log(osp.join(work_dir, name))
        # Lines of validations have no `epoch`; their `step` is the epoch.
        epochs.update((ln['step'], ln) for ln in lines if 'epoch' not in ln)
    return dict(sorted(epochs.items()))


def plot(epochs: Dict[int, dict], metrics: List[str], out: str) -> None:
    """Plot the metrics against the epoch."""
    figure = Figure(figsize=(6, 3.2), layout='constrained')
    ax = figure.add_subplot()
    for metric in metrics:
        ax.plot(
            epochs.keys(), [line[metric] for line in epochs.values()],
            marker='.',
            label=metric.split('/')[-1])
    ax.set(xlabel='epoch', ylim=(0, 1))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(alpha=0.3)
    ax.legend(frameon=False)
    figure.savefig(out, dpi=150)


@exit_on_bad_input()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dir', help='folder of the training')
    parser.add_argument('out', help='figure to write (.png, .svg, ...)')
    parser.add_argument(
        '--metrics',
        nargs='+',
        default=['mask/mIoU_star', 'mask/IoU_50', 'mask/IoU_75'])
    args = parser.parse_args()
    epochs = read_validations(args.work_dir)
    if not epochs:
        raise InputError(f'{args.work_dir} has no validation log yet.')
    known = set(next(iter(epochs.values())))
    missing = sorted(set(args.metrics) - known)
    if missing:
        raise InputError(f'{args.work_dir}: the log has no {missing}, '
                         f'only {sorted(known)}.')
    plot(epochs, args.metrics, args.out)


if __name__ == '__main__':
    main()
