"""Draw how metrics of the validation grew in the epochs of a training.

mmdet's analyze_logs.py draws losses and mAP; this one any metric.
"""
import argparse
import json
import os.path as osp
from typing import Dict, List

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from mmengine.utils import scandir


def read_validations(work_dir: str) -> Dict[int, dict]:
    """Read the metrics of every validation, by epoch.

    A training that was resumed has several logs; the latest one counts.
    """
    epochs = {}
    for name in sorted(scandir(work_dir, 'scalars.json', recursive=True)):
        with open(osp.join(work_dir, name), encoding='utf-8') as file:
            lines = [json.loads(line) for line in file]
        # Lines of the training have their epoch, those of a validation not.
        epochs.update(
            {line['step']: line
             for line in lines if 'epoch' not in line})
    return dict(sorted(epochs.items()))


def plot(epochs: Dict[int, dict], metrics: List[str], out: str) -> None:
    """Draw the metrics against the epoch to a file."""
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dir', help='folder of the training')
    parser.add_argument('out', help='picture to write (.png, .svg, ...)')
    parser.add_argument(
        '--metrics',
        nargs='+',
        default=['mask/mIoU_star', 'mask/IoU_50', 'mask/IoU_75'])
    args = parser.parse_args()
    epochs = read_validations(args.work_dir)
    if not epochs:
        raise SystemExit(f'{args.work_dir} has no log of a validation yet.')
    known = set(next(iter(epochs.values())))
    if not known.issuperset(args.metrics):
        raise SystemExit(f'the log has no {set(args.metrics) - known}; it has '
                         f'{sorted(known)}')
    plot(epochs, args.metrics, args.out)


if __name__ == '__main__':
    main()
