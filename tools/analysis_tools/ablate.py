"""Repeat a table of the paper on one's own data, seed by seed.

`heads CONFIG` trains the labeller of CONFIG with each choice of heads (Table
4). `detector PIPELINE` takes a config of tools/run_pipeline.py with `val` and
`twin`: it trains a labeller, labels with and without merging, and trains the
detector with each choice of masks (Tables 7 and 8, soft weights, true masks
for a tenth of the images) and its fully supervised twin.

A run that is done is not run again, one that was cut off goes on. Writes
WORK_DIR/table.json and WORK_DIR/table.md: mean and standard deviation.
"""
import argparse
import copy
import hashlib
import json
import os.path as osp
import subprocess
import sys
from typing import Dict, List, Sequence

import numpy as np
from mmengine.config import Config, DictAction
from mmengine.fileio import dump, load
from mmengine.runner import find_latest_checkpoint
from mmengine.utils import mkdir_or_exist, scandir

from mmboxcaseg.proxy import load_proxy
from mmboxcaseg.structures import is_kept
from mmboxcaseg.utils.cli import check_file

TOOLS = osp.join(osp.dirname(osp.abspath(__file__)), '..')
Table = Dict[str, List[Dict[str, float]]]

HEADS = {
    'weak': ('weak', ),
    'salient': ('salient', ),
    'weak + transferred': ('weak', 'transferred'),
    'weak + salient': ('weak', 'salient'),
    'all': ('weak', 'salient', 'transferred')
}
HEADS_METRICS = {
    'mIoU\\*': 'mask/mIoU_star',
    'IoU@50': 'mask/IoU_50',
    'IoU@75': 'mask/IoU_75'
}

# What each detector learns from: its data sets, each a file and what differs
# from the config. A threshold above 1 drops every mask.
DROP_ALL = 2
DETECTORS = {
    'no merge, no drop': [dict(file='unmerged', mask_score_thr=0)],
    'merge, no drop (threshold 0)': [dict(file='merged', mask_score_thr=0)],
    **{
        f'merge, threshold {thr}': [dict(file='merged', mask_score_thr=thr)]
        for thr in (0.75, 0.85, 0.9, 0.95)
    },
    'merge, weight = score':
    [dict(file='merged', mask_score_thr=0, mask_score_power=1)],
    '10 % true masks': [
        dict(file='true', part='tenth'),
        dict(file='merged', part='rest', mask_score_thr=DROP_ALL)
    ],
    '90 % proxy masks': [
        dict(file='merged', part='tenth', mask_score_thr=DROP_ALL),
        dict(file='merged', part='rest')
    ],
    '10 % true + 90 % proxy masks':
    [dict(file='true', part='tenth'),
     dict(file='merged', part='rest')],
    'twin': None
}  # yapf: disable
DETECTOR_METRICS = {
    'box AP50': 'coco/bbox_mAP_50',
    'mask AP': 'coco/segm_mAP',
    'mask AP50': 'coco/segm_mAP_50',
    'mask AP75': 'coco/segm_mAP_75'
}


def run_tool(tool: str, *args: str, log: str) -> None:
    """Run a tool of this project.

    Args:
        tool (str): Its path below tools/.
        args (str): Its arguments.
        log (str): File that its output is added to.

    Raises:
        SystemExit: It failed.
    """
    with open(log, 'a') as file:
        done = subprocess.run(
            [sys.executable, osp.join(TOOLS, tool), *args],
            stdout=file,
            stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit(f'{tool} failed, see {log}; correct the cause and '
                         'run the same command again, it goes on.')


def train(cfg: Config, folder: str, metrics: Dict[str, str]) -> dict:
    """Train one model, unless that is done.

    Args:
        cfg (Config): Its config.
        folder (str): Folder of its results; a digest of the config is added
            to its name.
        metrics (dict[str, str]): Names in the log by names in the table.

    Returns:
        dict: The metrics after its last epoch, and ``checkpoint``.
    """
    digest = hashlib.sha256(cfg.pretty_text.encode()).hexdigest()[:8]
    folder = f'{folder}_{digest}'
    record, path = osp.join(folder, 'metrics.json'), f'{folder}.py'
    if not osp.exists(record):
        mkdir_or_exist(folder)
        cfg.dump(path)
        print(f'training {folder}', flush=True)
        run_tool(
            'train.py',
            path,
            '--work-dir',
            folder,
            '--resume',
            log=osp.join(folder, 'train.log'))
        last = read_last_validation(folder, cfg.train_cfg.max_epochs)
        dump({name: last[key] for name, key in metrics.items()}, record)
    return dict(load(record), checkpoint=find_latest_checkpoint(folder))


def read_last_validation(folder: str, max_epochs: int) -> Dict[str, float]:
    """Read the validation after the last epoch from the log of a training."""
    newest = max(scandir(folder, 'scalars.json', recursive=True))
    with open(osp.join(folder, newest)) as file:
        lines = [json.loads(line) for line in file]
    validations = [line for line in lines if 'loss' not in line]
    if not validations or validations[-1].get('step') != max_epochs:
        raise SystemExit(f'{folder} has no validation after its last epoch: '
                         'remove the folder and run the same command again.')
    return validations[-1]


def configure(path: str, seed: int, options: dict) -> Config:
    """Read a config and set the seed and the options of the command line."""
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(options)
    cfg.randomness = dict(seed=seed)
    return cfg


def ablate_heads(args: argparse.Namespace, seed: int) -> Dict[str, dict]:
    """Train the rows of Table 4 with one seed."""
    results = {}
    for row, heads in HEADS.items():
        cfg = configure(args.config, seed, args.cfg_options)
        cfg.model.heads = list(heads)
        folder = osp.join(args.work_dir, f'{"-".join(heads)}_seed{seed}')
        results[row] = train(cfg, folder, HEADS_METRICS)
    return results


def ablate_detector(args: argparse.Namespace, seed: int) -> Dict[str, dict]:
    """Train labeller, detectors and twin with one seed."""
    pipeline = Config.fromfile(args.config)
    files = label(args, pipeline, seed)
    configs = {
        name: osp.join(osp.dirname(args.config), pipeline[name])
        for name in ('detector', 'twin')
    }
    twin = configure(configs['twin'], seed, args.cfg_options)
    true = twin.train_dataloader.dataset
    files['true'] = osp.join(true.data_root, true.ann_file)
    results = {}
    for row, sources in DETECTORS.items():
        if args.rows and row not in args.rows:
            continue
        cfg = twin
        if sources:
            cfg = configure(configs['detector'], seed, args.cfg_options)
            use_masks(cfg, sources, files)
        name = ''.join(c if c.isalnum() or c == '.' else '_' for c in row)
        folder = osp.join(args.work_dir, f'{name}_seed{seed}')
        results[row] = train(cfg, folder, DETECTOR_METRICS)
        if sources and len(sources) == 1:
            results[row]['kept'] = share_kept(files[sources[0]['file']],
                                              sources[0]['mask_score_thr'])
        if 'twin' in results:
            for result in results.values():
                result['of twin'] = (
                    result['mask AP50'] / results['twin']['mask AP50'])
    return results


def label(args: argparse.Namespace, pipeline: Config,
          seed: int) -> Dict[str, str]:
    """Train a labeller and label the training set, merged and unmerged."""
    config = osp.join(osp.dirname(args.config), pipeline.labeller)
    cfg = configure(config, seed, args.labeller_options)
    labeller = train(cfg, osp.join(args.work_dir, f'labeller_seed{seed}'),
                     HEADS_METRICS)
    files = {}
    for name, option in dict(merged=(), unmerged=('--no-merge', )).items():
        files[name] = osp.join(args.work_dir, f'{name}_seed{seed}.json')
        if not osp.exists(files[name]):
            logs = osp.join(args.work_dir, f'{name}_seed{seed}')
            mkdir_or_exist(logs)
            run_tool(
                'label.py',
                config,
                labeller['checkpoint'],
                files[name],
                '--boxes',
                pipeline.train.boxes,
                '--images',
                pipeline.train.images,
                '--work-dir',
                logs,
                *option,
                log=osp.join(logs, 'label.log'))
    return files


def use_masks(cfg: Config, sources: Sequence[dict], files: Dict[str,
                                                                str]) -> None:
    """Set the training data of a detector to a row of the table.

    Args:
        cfg (Config): Its config, which is changed.
        sources (Sequence[dict]): An entry of ``DETECTORS``.
        files (dict[str, str]): Annotation files by name.
    """
    number = len(load(files['true'])['images'])
    parts = dict(
        tenth=list(range(0, number, 10)),
        rest=[i for i in range(number) if i % 10])
    datasets = []
    for source in copy.deepcopy(sources):
        file, part = source.pop('file'), source.pop('part', None)
        dataset = dict(
            cfg.train_dataloader.dataset, ann_file=files[file], **source)
        if file == 'true':
            dataset['true_masks'] = True
        if part:
            dataset['indices'] = parts[part]
        datasets.append(dataset)
    if len(datasets) > 1:
        datasets = [dict(type='ConcatDataset', datasets=datasets)]
    cfg.train_dataloader.dataset = datasets[0]


def share_kept(proxy_file: str, threshold: float) -> float:
    """Share of the labelled boxes whose mask is learnt."""
    scores = np.array([
        ann['mask_score'] for ann in load_proxy(proxy_file)['annotations']
        if 'mask_score' in ann
    ])
    return float(is_kept(scores, threshold).mean())


def to_markdown(table: Table, columns: Sequence[str]) -> str:
    """Write mean and standard deviation, in per cent, as a table."""
    lines = [
        f'| | {" | ".join(columns)} | seeds |',
        '| :-- |' + ' --: |' * (len(columns) + 1)
    ]
    for row, runs in table.items():
        cells = []
        for name in columns:
            values = 100 * np.array([run[name] for run in runs if name in run])
            cells.append(
                f'{values.mean():.1f} ± {values.std(ddof=len(values) > 1):.1f}'
                if len(values) else '')
        lines.append(f'| {row} | {" | ".join(cells)} | {len(runs)} |')
    return '\n'.join(lines) + '\n'


STUDIES = dict(
    heads=(ablate_heads, list(HEADS_METRICS)),
    detector=(ablate_detector, ['kept', *DETECTOR_METRICS, 'of twin']))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('study', choices=STUDIES)
    parser.add_argument('config', help='of a labeller, or of a pipeline')
    parser.add_argument('--work-dir', default='work_dirs/ablation')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument(
        '--rows', nargs='+', choices=DETECTORS, help='of `detector`, these')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='of the models that are compared')
    parser.add_argument(
        '--labeller-options',
        nargs='+',
        action=DictAction,
        default={},
        help='of the labeller that `detector` begins with')
    args = parser.parse_args()
    check_file(args.config, 'config')
    study, columns = STUDIES[args.study]
    table: Table = {}
    for seed in args.seeds:
        for row, result in study(args, seed).items():
            table.setdefault(row, []).append(result)
        text = to_markdown(table, columns)
        dump(table, osp.join(args.work_dir, 'table.json'), indent=1)
        with open(osp.join(args.work_dir, 'table.md'), 'w') as file:
            file.write(text)
    print(text)


if __name__ == '__main__':
    main()
