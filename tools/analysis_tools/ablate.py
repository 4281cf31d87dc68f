"""Repeat tables 4, 7 and 8 of the paper on your own data, with several seeds.

`heads CONFIG` trains the labeller of CONFIG with each choice of heads (Table
4). `detector PIPELINE` takes a config of tools/run_pipeline.py with `val` and
`twin`. It trains a labeller, labels with and without merging, and trains the
detector on each choice of masks: Tables 7 and 8, soft weights, and true masks
for a tenth of the images. The row `twin` is the fully supervised baseline.
`shares PIPELINE` does the same with several shares of the best masks of each
class, by either score, with equal weights and with the score as the weight.
A second round of the pipeline (`student`) is left out.

Finished trainings are not repeated, and interrupted ones continue. Mean and
standard deviation are written to WORK_DIR/table.md, the results of every seed
to WORK_DIR/table.json.
"""
import argparse
import copy
import json
import os.path as osp
import re
from typing import Dict, List, Sequence

import numpy as np
from mmengine.config import Config
from mmengine.fileio import dump, put_text
from mmengine.utils import scandir

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import MaskFilter, load_json
from mmboxcaseg.proxy import count_kept
from mmboxcaseg.structures.scores import SCORES
from mmboxcaseg.utils.cli import (SettingsAction, add_trust_checkpoint,
                                  at_least, check_folder, exit_on_bad_input,
                                  read_config)
from mmboxcaseg.utils.config import find_datasets
from mmboxcaseg.utils.steps import StepRunner, annotation_paths

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

# The data sets that each detector is trained on. Each has a file, and the
# settings that differ from the config.
DROP_ALL = dict(keep_share=0)
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
        dict(file='merged', part='rest', mask_filter=DROP_ALL)
    ],
    '90 % proxy masks': [
        dict(file='merged', part='tenth', mask_filter=DROP_ALL),
        dict(file='merged', part='rest')
    ],
    '10 % true + 90 % proxy masks':
    [dict(file='true', part='tenth'),
     dict(file='merged', part='rest')],
    'twin': None
}  # yapf: disable
SHARES = {
    **{
        f'best {share} % by {key}{", soft" * soft}': [
            dict(
                file='merged',
                mask_filter=dict(key=key, keep_share=share / 100, soft=soft))
        ]
        for key in SCORES for soft in (False, True)
        for share in (100, 85, 60, 40, 20)
        # All masks with equal weights are the same for both scores.
        if soft or share < 100 or key == 'expected_iou'
    }, 'twin': None
}  # yapf: disable
ROWS = dict(heads=HEADS, detector=DETECTORS, shares=SHARES)
DETECTOR_METRICS = {
    'box AP50': 'coco/bbox_mAP_50',
    'mask AP': 'coco/segm_mAP',
    'mask AP50': 'coco/segm_mAP_50',
    'mask AP75': 'coco/segm_mAP_75'
}


def train(cfg: Config,
          steps: StepRunner,
          name: str,
          metrics: Dict[str, str],
          inputs: Sequence[str] = ()) -> dict:
    """Train one model, unless it is trained already.

    ``metrics`` maps names in the table to names in the log, ``inputs`` are
    the annotations. Returns the metrics after the last epoch, and
    ``checkpoint``.
    """
    path = steps.path(f'{name}.py')
    cfg.dump(path)
    checkpoint = steps.train(name, path, inputs=inputs)
    last = read_last_validation(steps.path(name), cfg.train_cfg.max_epochs)
    result = {ours: last[key] for ours, key in metrics.items()}
    return dict(result, checkpoint=checkpoint)


def train_labeller(cfg: Config, steps: StepRunner, name: str) -> dict:
    """Train a labeller, see :func:`train`."""
    sources = [s for _, s in find_datasets(cfg.train_dataloader.dataset, '')]
    return train(cfg, steps, name, HEADS_METRICS, annotation_paths(sources))


def read_last_validation(folder: str, max_epochs: int) -> Dict[str, float]:
    """Read the validation after the last epoch from the log of a training."""
    newest = max(scandir(folder, 'scalars.json', recursive=True))
    with open(osp.join(folder, newest), encoding='utf-8') as file:
        lines = [json.loads(line) for line in file]
    validations = [line for line in lines if 'loss' not in line]
    if not validations or validations[-1].get('step') != max_epochs:
        raise InputError(f'{folder} has no validation after its last epoch. '
                         'Remove the folder and run the same command again.')
    return validations[-1]


def configure(path: str, seed: int, options: dict) -> Config:
    """Read a config and set the seed and the options of the command line."""
    cfg = read_config(path, options)
    cfg.randomness = dict(seed=seed)
    return cfg


def ablate_heads(args: argparse.Namespace, steps: StepRunner,
                 seed: int) -> Dict[str, dict]:
    """Train the rows of Table 4 with one seed."""
    results = {}
    for row, heads in args.rows.items():
        cfg = configure(args.config, seed, args.cfg_options)
        for name in ('weak', 'salient', 'transferred'):
            if name not in heads:
                cfg.model[f'{name}_head'] = None
        name = f'{"-".join(heads)}_seed{seed}'
        results[row] = train_labeller(cfg, steps, name)
    return results


def ablate_detector(args: argparse.Namespace, steps: StepRunner,
                    seed: int) -> Dict[str, dict]:
    """Train labeller, detectors and fully supervised baseline, one seed."""
    pipeline = read_config(args.config)
    if not pipeline.get('twin'):
        raise InputError(f'{args.config} has no `twin`: name the config of '
                         'the fully supervised baseline.')
    detector, twin = (
        osp.join(osp.dirname(pipeline.filename), pipeline[name])
        for name in ('detector', 'twin'))
    files = label(args, steps, pipeline, seed)
    baseline = configure(twin, seed, args.cfg_options)
    true = baseline.train_dataloader.dataset
    files['true'] = osp.join(true.data_root, true.ann_file)
    results = {}
    for row, sources in args.rows.items():
        cfg = baseline
        if sources:
            cfg = configure(detector, seed, args.cfg_options)
            use_masks(cfg, sources, files)
        name = re.sub(r'[^\w.]', '_', f'{row}_seed{seed}')
        used = sorted({s['file'] for s in sources or [dict(file='true')]})
        inputs = [files[file] for file in used]
        results[row] = train(cfg, steps, name, DETECTOR_METRICS, inputs)
        if sources and len(sources) == 1:
            kept = count_kept(inputs[0], MaskFilter.of_dataset(**sources[0]))
            results[row]['kept'] = 1 - kept['drop_rate']
    if 'twin' in results:
        best = results['twin']['mask AP50']
        for result in results.values():
            result['of twin'] = result['mask AP50'] / best
    return results


def label(args: argparse.Namespace, steps: StepRunner, pipeline: Config,
          seed: int) -> Dict[str, str]:
    """Train a labeller and write the proxy files of the training set."""
    config = osp.join(osp.dirname(pipeline.filename), pipeline.labeller)
    boxes, images = pipeline.train.boxes, pipeline.train.images
    cfg = configure(config, seed, args.labeller_options)
    labeller = train_labeller(cfg, steps, f'labeller_seed{seed}')
    checkpoint = labeller['checkpoint']
    data = config, checkpoint, boxes, images
    options = pipeline.get('label_options', ())
    files = dict(merged=steps.label(f'merged_seed{seed}', *data, *options))
    if args.study == 'detector':
        files['unmerged'] = steps.label(f'unmerged_seed{seed}', *data,
                                        *options, '--no-merge')
    return files


def use_masks(cfg: Config, sources: Sequence[dict], files: Dict[str,
                                                                str]) -> None:
    """Set the training data of a detector to an entry of ``DETECTORS``."""
    number = len(load_json(files['true'])['images'])
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
            # ddof=0 for a single run: its deviation is 0 instead of NaN.
            cells.append(
                f'{values.mean():.1f} ± {values.std(ddof=len(values) > 1):.1f}'
                if len(values) else '')
        lines.append(f'| {row} | {" | ".join(cells)} | {len(runs)} |')
    return '\n'.join(lines) + '\n'


STUDIES = dict(
    heads=(ablate_heads, list(HEADS_METRICS)),
    **dict.fromkeys(('detector', 'shares'),
                    (ablate_detector, ['kept', *DETECTOR_METRICS, 'of twin'])))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('study', choices=STUDIES)
    parser.add_argument(
        'config', help='config of a labeller, or of a pipeline')
    parser.add_argument('--work-dir', default='work_dirs/ablation')
    parser.add_argument(
        '--seeds', type=at_least(0), nargs='+', default=[0, 1, 2])
    parser.add_argument('--rows', nargs='+', help='only these rows')
    settings = dict(nargs='+', action=SettingsAction, default={})
    parser.add_argument(
        '--cfg-options',
        help='settings to override in the models that are compared',
        **settings)
    parser.add_argument(
        '--labeller-options',
        help='settings to override in the labeller of `detector`, `shares`',
        **settings)
    add_trust_checkpoint(parser)
    args = parser.parse_args()
    rows = ROWS[args.study]
    for row in args.rows or ():
        if row not in rows:
            parser.error(f'`{args.study}` has no row {row!r}. It has: ' +
                         ', '.join(map(repr, rows)))
    args.rows = {row: rows[row] for row in args.rows or rows}
    return args


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    study, columns = STUDIES[args.study]
    check_folder(args.work_dir, 'work folder')
    steps = StepRunner(TOOLS, args.work_dir, True, args.trust_checkpoint)
    table: Table = {}
    for seed in args.seeds:
        for row, result in study(args, steps, seed).items():
            table.setdefault(row, []).append(result)
        # After each seed, so that intermediate results can be read.
        text = to_markdown(table, columns)
        dump(table, steps.path('table.json'), indent=1)
        put_text(text, steps.path('table.md'))
    print(text)


if __name__ == '__main__':
    main()
