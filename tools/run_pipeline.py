"""Run the three stages one after the other and print one table.

Every step is a command that a user could type. A step that is done, with the
same command, config and annotation files and the same steps before it, is not
run again.
"""
import argparse
import hashlib
import os
import os.path as osp
import subprocess
import sys
import time
from typing import List, Optional

from mmengine.config import Config
from mmengine.fileio import dump, get, load
from mmengine.runner import find_latest_checkpoint
from mmengine.utils import mkdir_or_exist, scandir

from mmboxcaseg.evaluation import evaluate_mask_file
from mmboxcaseg.proxy import load_proxy
from mmboxcaseg.structures import is_kept
from mmboxcaseg.utils.cli import check_folder, read_config

TOOLS = osp.dirname(osp.abspath(__file__))
ROWS = ('mIoU_star', 'IoU_50', 'IoU_75')
COLUMNS = dict(
    bbox_AP50='bbox_mAP_50',
    segm_AP='segm_mAP',
    segm_AP50='segm_mAP_50',
    segm_AP75='segm_mAP_75')


class Pipeline:
    """The steps of one run and the record of those that are done.

    Args:
        cfg (Config): ``labeller``, ``detector``, ``train`` and, for the
            comparison, ``val`` and ``twin``; see configs/toy.
        work_dir (str): Folder of all results.
    """

    def __init__(self, cfg: Config, work_dir: str) -> None:
        self.cfg = cfg
        self.work_dir = osp.abspath(work_dir)
        self.config_dir = osp.dirname(cfg.filename)
        self.seconds = {}
        self.restart_chain()
        mkdir_or_exist(osp.join(self.work_dir, 'steps'))

    def restart_chain(self) -> None:
        """Let the next steps depend on the data alone, not on past steps."""
        files = [self.cfg.train.boxes]
        if self.cfg.get('val'):
            files.append(self.cfg.val.instances)
        self.key = hashlib.sha256()
        for file in files:
            self.key.update(get(file))

    def path(self, *parts: str) -> str:
        """A path inside the work folder."""
        return osp.join(self.work_dir, *parts)

    def config(self, name: str) -> str:
        """Path of a config that the pipeline's config names."""
        return osp.join(self.config_dir, self.cfg[name])

    def step(self,
             name: str,
             tool: str,
             *args: str,
             resumable: bool = False) -> None:
        """Run a tool, unless it is done.

        Args:
            name (str): Name of the step.
            tool (str): Path of the tool below tools/.
            args (str): Its arguments.
            resumable (bool): Whether it takes ``--resume`` when the same
                step was begun before.
        """
        self.key.update(_describe(tool, args))
        key = self.key.hexdigest()
        record = self.path('steps', f'{name}.json')
        state = load(record) if osp.exists(record) else dict()
        begun = state.get('key') == key
        if begun and 'seconds' in state:
            print(f'[{name}] done before, in {state["seconds"]:.0f} s')
            self.seconds[name] = state['seconds']
            return
        dump(dict(key=key), record)
        command = [sys.executable, osp.join(TOOLS, tool), *args]
        if resumable and begun:
            command.append('--resume')
        print(f'[{name}] {" ".join(command)}', flush=True)
        start = time.time()
        if subprocess.run(command).returncode:
            raise SystemExit(f'step {name} failed; correct the cause and run '
                             'the same command again, it goes on from here.')
        self.seconds[name] = round(time.time() - start, 1)
        dump(dict(key=key, seconds=self.seconds[name]), record)

    def train(self, name: str, config: str, *options: str) -> str:
        """Train a model and return its last checkpoint."""
        folder = self.path(name)
        options = ('--cfg-options', *options) if options else ()
        self.step(
            name,
            'train.py',
            config,
            '--work-dir',
            folder,
            *options,
            resumable=True)
        return find_latest_checkpoint(folder)

    def label(self, name: str, checkpoint: str, boxes: str, images: str, *args:
              str) -> str:
        """Label boxes and return the proxy file."""
        out = self.path(f'{name}.json')
        self.step(name, 'label.py', self.config('labeller'), checkpoint, out,
                  '--boxes', boxes, '--images', images, '--work-dir',
                  self.path('logs', name), *args)
        return out

    def test(self, name: str, config: str, checkpoint: str) -> dict:
        """Test a detector and return its COCO metrics."""
        folder = self.path(name, 'test')
        self.step(f'{name}_test', 'test.py', config, checkpoint, '--work-dir',
                  folder)
        newest = max(scandir(folder, '.json', recursive=True))
        metrics = load(osp.join(folder, newest))
        # CocoMetric gives no number at all where nothing is detected.
        return {
            ours: metrics.get(f'coco/{theirs}', 0.0)
            for ours, theirs in COLUMNS.items()
        }


def _describe(tool: str, args: tuple) -> bytes:
    """What makes a command the same: its words and the configs they name."""
    configs = [
        Config.fromfile(arg).pretty_text for arg in args
        if arg.endswith('.py') and osp.isfile(arg)
    ]
    return repr((tool, args, configs)).encode()


def label_val(pipeline: Pipeline, checkpoint: str) -> dict:
    """Measure the labeller and its baselines on val, given true boxes.

    Args:
        pipeline (Pipeline): The run.
        checkpoint (str): Checkpoint of the labeller.

    Returns:
        dict[str, dict]: mIoU* and IoU@k by row of the table.
    """
    val = pipeline.cfg.val
    data = (val.instances, val.images)
    files = dict()
    for method in pipeline.cfg.get('baselines', ()):
        files[method] = pipeline.path(f'val_{method}.json')
        pipeline.step(f'val_{method}', 'analysis_tools/baseline_masks.py',
                      *data, files[method], '--method', method)
    files['weak'] = pipeline.label('val_weak', checkpoint, *data, '--no-merge',
                                   '--cfg-options',
                                   'model.test_cfg.output=weak')
    files['fused'] = pipeline.label('val_fused', checkpoint, *data,
                                    '--no-merge')
    files['merged'] = pipeline.label('val_merged', checkpoint, *data)
    return {
        row: evaluate_mask_file(file, val.instances)
        for row, file in files.items()
    }


def count_kept(proxy_file: str, detector_cfg: Config) -> dict:
    """Count the masks that the detector learns from."""
    threshold = detector_cfg.train_dataloader.dataset.mask_score_thr
    scores = [
        ann['mask_score'] for ann in load_proxy(proxy_file)['annotations']
        if 'mask_score' in ann
    ]
    kept = sum(is_kept(score, threshold) for score in scores)
    return dict(
        instances=len(scores), kept=kept, drop_rate=1 - kept / len(scores))


def format_table(summary: dict) -> str:
    """Write the summary as text."""
    lines: List[str] = []

    def section(title: str, rows: dict, columns) -> None:
        lines.append(f'{title:12s}' + ''.join(f'{c:>12s}' for c in columns))
        for name, row in rows.items():
            lines.append(f'  {name:10s}' + ''.join(f'{row[c]:12.3f}'
                                                   for c in columns))
        lines.append('')

    if 'labeller' in summary:
        section('labeller', summary['labeller'], ROWS)
    detectors = {
        name: row
        for name, row in summary['detector'].items() if isinstance(row, dict)
    }
    if detectors:
        section('detector', detectors, COLUMNS)
    ratio = summary['detector'].get('ratio_segm_AP50')
    if ratio is not None:
        lines.append(f'proxy / full, segm_AP50: {ratio:.3f}')
    proxy = summary['proxy']
    lines.append(f'proxy masks: {proxy["kept"]} of {proxy["instances"]} kept, '
                 f'drop rate {proxy["drop_rate"]:.3f}')
    lines.append('seconds: ' +
                 ', '.join(f'{name} {value:.0f}'
                           for name, value in summary['seconds'].items()))
    return '\n'.join(lines)


def run(pipeline: Pipeline) -> dict:
    """Run all steps.

    Args:
        pipeline (Pipeline): The run.

    Returns:
        dict: What is written to summary.json.
    """
    cfg = pipeline.cfg
    summary = dict(detector=dict())
    labeller = pipeline.train('labeller', pipeline.config('labeller'))
    proxy_file = pipeline.label('label', labeller, cfg.train.boxes,
                                cfg.train.images)
    if cfg.get('val'):
        summary['labeller'] = label_val(pipeline, labeller)

    detector = pipeline.train(
        'proxy', pipeline.config('detector'),
        f'train_dataloader.dataset.ann_file={proxy_file}')
    detectors = summary['detector']
    if cfg.get('val'):
        detectors['proxy'] = pipeline.test('proxy',
                                           pipeline.config('detector'),
                                           detector)
        draw(pipeline, detector)
    if cfg.get('twin'):
        # The twin knows nothing of the labeller.
        pipeline.restart_chain()
        twin = pipeline.train('full', pipeline.config('twin'))
        detectors['full'] = pipeline.test('full', pipeline.config('twin'),
                                          twin)
        full = detectors['full']['segm_AP50']
        # A twin that has learnt nothing is nothing to compare with.
        detectors['ratio_segm_AP50'] = (
            detectors['proxy']['segm_AP50'] / full if full > 0 else None)

    summary['proxy'] = count_kept(proxy_file,
                                  Config.fromfile(pipeline.config('detector')))
    summary['seconds'] = {
        name: pipeline.seconds[name]
        for name in ('labeller', 'label', 'proxy', 'full')
        if name in pipeline.seconds
    }
    return summary


def draw(pipeline: Pipeline, detector: str) -> None:
    """Draw masks.png, detections.png and pipeline.png."""
    threshold = Config.fromfile(
        pipeline.config('detector')).train_dataloader.dataset.mask_score_thr
    pipeline.step('pictures', 'analysis_tools/draw_results.py',
                  pipeline.cfg.val.instances, pipeline.cfg.val.images,
                  '--unmerged', pipeline.path('val_fused.json'), '--merged',
                  pipeline.path('val_merged.json'), '--threshold',
                  str(threshold), '--detector', pipeline.config('detector'),
                  '--checkpoint', detector, '--out-dir', pipeline.work_dir)


def read_pipeline(path: str) -> Config:
    """Read the config of a pipeline, or say why its steps would fail.

    Args:
        path (str): The config.

    Returns:
        Config: Its content.
    """
    cfg = read_config(path)
    train = cfg.get('train') or {}
    missing = [key for key in ('labeller', 'detector') if not cfg.get(key)]
    missing += [f'train.{k}' for k in ('boxes', 'images') if not train.get(k)]
    if missing:
        raise SystemExit(f'{path} has no {" and no ".join(missing)}; see '
                         'configs/toy/toy_pipeline.py.')
    if cfg.get('twin') and not cfg.get('val'):
        raise SystemExit(f'{path}: `twin` is a comparison on `val`; '
                         'name `val`, too, or set twin=None.')
    _check_files(cfg)
    return cfg


def _check_files(cfg: Config) -> None:
    """End the program now if a later step would not find its file."""
    folder = osp.dirname(cfg.filename)
    files = [
        osp.join(folder, cfg[name])
        for name in ('labeller', 'detector', 'twin') if cfg.get(name)
    ]
    files.append(cfg.train.boxes)
    if cfg.get('val'):
        files.append(cfg.val.instances)
    lost = [
        path for path in files if '://' not in path and not osp.isfile(path)
    ]
    if lost:
        raise SystemExit(f'{cfg.filename} names files that do not exist: '
                         f'{", ".join(lost)}. Configs are looked for beside '
                         f'it, data from {os.getcwd()}.')
    detector = Config.fromfile(osp.join(folder, cfg.detector))
    if 'mask_score_thr' not in detector.train_dataloader.dataset:
        raise SystemExit(f'{detector.filename}: set mask_score_thr of '
                         'train_dataloader.dataset, a ProxyCocoDataset.')


def main(argv: Optional[List[str]] = None) -> None:
    parser = argparse.ArgumentParser(
        description='Run labeller, labelling and detector; see configs/toy/'
        'toy_pipeline.py for the form of the config.')
    parser.add_argument('config', help='config of the pipeline')
    parser.add_argument(
        '--work-dir', required=True, help='folder of all results')
    args = parser.parse_args(argv)
    cfg = read_pipeline(args.config)
    check_folder(args.work_dir, 'work folder')
    pipeline = Pipeline(cfg, args.work_dir)
    summary = run(pipeline)
    dump(summary, pipeline.path('summary.json'), indent=1)
    print('\n' + format_table(summary))
    print(f'\nwritten to {args.work_dir}: summary.json and the pictures')


if __name__ == '__main__':
    main()
