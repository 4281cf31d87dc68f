"""Train the labeller with each choice of heads of Table 4, seed by seed.

A run that is done is not run again, one that was cut off goes on. Writes
WORK_DIR/table.json and WORK_DIR/table.md: mean and standard deviation.
"""
import argparse
import hashlib
import json
import os.path as osp
import subprocess
import sys
from typing import Dict, List

import numpy as np
from mmengine.config import Config, DictAction
from mmengine.fileio import dump, load
from mmengine.utils import mkdir_or_exist, scandir

from mmboxcaseg.engine.cli import check_file

TRAIN = osp.join(osp.dirname(osp.abspath(__file__)), '../train.py')
ROWS = {
    'weak': ('weak', ),
    'salient': ('salient', ),
    'weak + transferred': ('weak', 'transferred'),
    'weak + salient': ('weak', 'salient'),
    'all': ('weak', 'salient', 'transferred')
}
METRICS = ('mIoU_star', 'IoU_50', 'IoU_75')


def train(cfg: Config, folder: str) -> Dict[str, float]:
    """Train one labeller, unless that is done.

    Args:
        cfg (Config): Its config.
        folder (str): Folder of its results; a digest of the config is added
            to its name.

    Returns:
        dict[str, float]: The metrics after its last epoch.
    """
    digest = hashlib.sha256(cfg.pretty_text.encode()).hexdigest()[:8]
    folder = f'{folder}_{digest}'
    record, path = osp.join(folder, 'metrics.json'), f'{folder}.py'
    if osp.exists(record):
        return load(record)
    mkdir_or_exist(folder)
    cfg.dump(path)
    print(f'training {folder}', flush=True)
    with open(osp.join(folder, 'train.log'), 'a') as log:
        done = subprocess.run(
            [sys.executable, TRAIN, path, '--work-dir', folder, '--resume'],
            stdout=log,
            stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit(f'training failed, see {log.name}; correct the cause '
                         'and run the same command again, it goes on.')
    metrics = read_metrics(folder, cfg.train_cfg.max_epochs)
    dump(metrics, record)
    return metrics


def read_metrics(folder: str, max_epochs: int) -> Dict[str, float]:
    """Read the validation after the last epoch from the log of a training."""
    newest = max(scandir(folder, 'scalars.json', recursive=True))
    with open(osp.join(folder, newest)) as file:
        lines = [json.loads(line) for line in file]
    last = [line for line in lines if 'mask/mIoU_star' in line][-1]
    if last['step'] != max_epochs:
        raise SystemExit(f'{folder} has no validation after its last epoch: '
                         'remove the folder and run the same command again.')
    return {name: last[f'mask/{name}'] for name in METRICS}


def to_markdown(table: Dict[str, List[dict]]) -> str:
    """Write mean and standard deviation, in per cent, as a table."""
    lines = [
        '| heads | mIoU\\* | IoU@50 | IoU@75 | seeds |',
        '| :---- | -----: | -----: | -----: | ----: |'
    ]
    for row, runs in table.items():
        cells = []
        for name in METRICS:
            values = 100 * np.array([run[name] for run in runs])
            cells.append(
                f'{values.mean():.1f} ± {values.std(ddof=len(runs) > 1):.1f}')
        lines.append(f'| {row} | {" | ".join(cells)} | {len(runs)} |')
    return '\n'.join(lines) + '\n'


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of the labeller')
    parser.add_argument('--work-dir', default='work_dirs/ablation')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    args = parser.parse_args()
    check_file(args.config, 'config')
    table: Dict[str, List[dict]] = {row: [] for row in ROWS}
    for seed in args.seeds:
        for row, heads in ROWS.items():
            cfg = Config.fromfile(args.config)
            cfg.merge_from_dict(args.cfg_options or {})
            cfg.model.heads = list(heads)
            cfg.randomness = dict(seed=seed)
            name = f'{"-".join(heads)}_seed{seed}'
            table[row].append(train(cfg, osp.join(args.work_dir, name)))
    dump(table, osp.join(args.work_dir, 'table.json'), indent=1)
    text = to_markdown(table)
    with open(osp.join(args.work_dir, 'table.md'), 'w') as file:
        file.write(text)
    print(text)


if __name__ == '__main__':
    main()
