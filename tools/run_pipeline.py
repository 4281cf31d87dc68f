"""Run the three stages one after the other and print one table.

Every step is a command that a user could type. A finished step is not run
again, unless its command, its configs or its input files have changed. Then
the folder of a training is kept as FOLDER.old.
"""
import argparse
import os
import os.path as osp
from typing import Collection, Dict, List

from mmengine.config import Config
from mmengine.fileio import dump

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (CocoBoxes, MaskFilter, first_few,
                                      is_ignored)
from mmboxcaseg.evaluation import evaluate_mask_file
from mmboxcaseg.proxy import count_kept
from mmboxcaseg.proxy.options import filter_arguments
from mmboxcaseg.utils.cli import (add_trust_checkpoint, check_folder,
                                  exit_on_bad_input, path_setting, read_config)
from mmboxcaseg.utils.config import find_datasets
from mmboxcaseg.utils.steps import StepRunner, annotation_paths

TOOLS = osp.dirname(osp.abspath(__file__))
ROWS = ('mIoU_star', 'IoU_50', 'IoU_75')
COLUMNS = dict(
    bbox_AP50='bbox_mAP_50',
    segm_AP='segm_mAP',
    segm_AP50='segm_mAP_50',
    segm_AP75='segm_mAP_75')


def config_path(cfg: Config, name: str) -> str:
    """Path of a config that the pipeline config names."""
    return osp.join(osp.dirname(cfg.filename), cfg[name])


def used_masks(cfg: Config) -> MaskFilter:
    """Get the filter of the masks that train the detector."""
    detector = read_config(config_path(cfg, 'detector'))
    return MaskFilter.of_dataset(**detector.train_dataloader.dataset)


def sources(cfg: Config, name: str) -> Dict[str, dict]:
    """Get the training data sets of the labeller or the student.

    Returns their configs by the names of the settings.
    """
    config = read_config(config_path(cfg, name))
    return dict(
        find_datasets(config.train_dataloader.dataset,
                      'train_dataloader.dataset'))


def own_sources(cfg: Config) -> List[str]:
    """Find the sources of the student that are masks of the labeller.

    They have a `mask_filter`, and the labeller is not trained on them.
    """
    known = [*sources(cfg, 'labeller').values()]
    return [
        key for key, source in sources(cfg, 'student').items()
        if source.get('mask_filter') and source not in known
    ]


def source_paths(cfg: Config, name: str) -> List[str]:
    """Annotations of the sources, except those that the labeller writes."""
    own = own_sources(cfg) if name == 'student' else []
    return annotation_paths([
        source for key, source in sources(cfg, name).items() if key not in own
    ])


def train_student(cfg: Config, steps: StepRunner, checkpoint: str,
                  proxy_file: str) -> str:
    """Train the labeller again, with its best masks as additional data.

    Args:
        cfg (Config): Config of the pipeline.
        steps (StepRunner): Runs the tools.
        checkpoint (str): The labeller; the student starts from its weights.
        proxy_file (str): The masks of the labeller.

    Returns:
        str: Path of the checkpoint.
    """
    files = [
        path_setting(f'{key}.ann_file', proxy_file) for key in own_sources(cfg)
    ]
    return steps.train(
        'student',
        config_path(cfg, 'student'),
        path_setting('load_from', checkpoint),
        *files,
        inputs=[checkpoint, proxy_file, *source_paths(cfg, 'student')])


def label_val(cfg: Config, steps: StepRunner, checkpoint: str) -> dict:
    """Evaluate the labeller and its baselines on val, by row of the table."""
    data = (cfg.val.instances, cfg.val.images)
    files = {}
    for method in cfg.get('baselines', ()):
        files[method] = steps.path(f'val_{method}.json')
        steps.run(f'val_{method}', 'analysis_tools/baseline_masks.py',
                  [*data, files[method], '--method', method, '--no-merge'],
                  data[:1])
    # Only the last row merges overlapping masks.
    merged = tuple(cfg.get('label_options', ()))
    fused = (*merged, '--no-merge')
    weak = (*fused, '--cfg-options', 'model.test_cfg.output=weak')
    for row, options in dict(weak=weak, fused=fused, merged=merged).items():
        files[row] = steps.label(f'val_{row}', config_path(cfg, 'labeller'),
                                 checkpoint, *data, *options)
    return {
        row: evaluate_mask_file(file, cfg.val.instances)
        for row, file in files.items()
    }


def test_detector(cfg: Config, steps: StepRunner, name: str, role: str,
                  checkpoint: str) -> Dict[str, float]:
    """Test a detector on val and return the columns of the table."""
    config = config_path(cfg, role)
    metrics = steps.test(name, config, checkpoint, cfg.val.instances)
    # CocoMetric reports no metrics if the detector finds nothing.
    return {k: metrics.get(f'coco/{key}', 0.0) for k, key in COLUMNS.items()}


def format_table(summary: dict) -> str:
    """Write the summary as text."""
    lines: List[str] = []

    def section(title: str, rows: dict, columns: Collection[str]) -> None:
        lines.append(f'{title:12s}' + ''.join(f'{c:>12s}' for c in columns))
        for name, row in rows.items():
            cells = ''.join(f'{row[c]:12.3f}' for c in columns)
            lines.append(f'  {name:10s}{cells}')
        lines.append('')

    detectors = dict(summary['detector'])
    ratio = detectors.pop('ratio_segm_AP50', None)
    if 'labeller' in summary:
        section('labeller', summary['labeller'], ROWS)
    if detectors:
        section('detector', detectors, COLUMNS)
    if ratio is not None:
        lines.append(f'proxy / full, segm_AP50: {ratio:.3f}')
    proxy, seconds = summary['proxy'], summary['seconds']
    lines.append(f'proxy masks: {proxy["kept"]} of {proxy["instances"]} kept, '
                 f'drop rate {proxy["drop_rate"]:.3f}')
    means = [
        f'{title} {proxy[key]:.3f}' for key, title in dict(
            mask_score='agreement', expected_iou='expected IoU').items()
        if key in proxy
    ]
    lines.append(f'  mean {", mean ".join(means)}')
    took = ', '.join(f'{name} {value:.0f}' for name, value in seconds.items())
    return '\n'.join([*lines, f'seconds: {took}'])


def run(cfg: Config, steps: StepRunner) -> dict:
    """Run all steps and return the content of summary.json.

    The config has ``labeller``, ``detector`` and ``train``. Optional are
    ``student`` for a round of self-training, ``label_options`` for label.py,
    ``val``, and ``twin``, the fully supervised baseline; see configs/toy.
    """
    summary = dict(detector={})
    detectors = summary['detector']
    data = [cfg.train.boxes]
    if cfg.get('val'):
        data.append(cfg.val.instances)
    labeller = config_path(cfg, 'labeller')
    checkpoint = steps.train(
        'labeller', labeller, inputs=[*data, *source_paths(cfg, 'labeller')])
    label = (cfg.train.boxes, cfg.train.images, *cfg.get('label_options', ()))
    proxy_file = steps.label('label', labeller, checkpoint, *label)
    if cfg.get('student'):
        checkpoint = train_student(cfg, steps, checkpoint, proxy_file)
        # The student has the same model as the labeller, and so its config.
        proxy_file = steps.label('student_label', labeller, checkpoint, *label)
    if cfg.get('val'):
        summary['labeller'] = label_val(cfg, steps, checkpoint)

    checkpoint = steps.train(
        'proxy',
        config_path(cfg, 'detector'),
        path_setting('train_dataloader.dataset.ann_file', proxy_file),
        inputs=[proxy_file, *data[1:]])
    if cfg.get('val'):
        detectors['proxy'] = test_detector(cfg, steps, 'proxy', 'detector',
                                           checkpoint)
        draw(cfg, steps, checkpoint)
    if cfg.get('twin'):
        # It uses no proxy masks, so a new labeller does not change it.
        full = steps.train('full', config_path(cfg, 'twin'), inputs=data)
        detectors['full'] = test_detector(cfg, steps, 'full', 'twin', full)
        best = detectors['full']['segm_AP50']
        detectors['ratio_segm_AP50'] = (
            detectors['proxy']['segm_AP50'] / best if best > 0 else None)

    summary['proxy'] = count_kept(proxy_file, used_masks(cfg))
    stages = ('labeller', 'label', 'student', 'student_label', 'proxy', 'full')
    times = steps.seconds
    summary['seconds'] = {
        name: times[name]
        for name in stages if name in times
    }
    return summary


def draw(cfg: Config, steps: StepRunner, checkpoint: str) -> None:
    """Draw masks.png, detections.png and pipeline.png."""
    fused, merged = (steps.path(f'val_{n}.json') for n in ('fused', 'merged'))
    args = [
        cfg.val.instances, cfg.val.images, '--unmerged', fused, '--merged',
        merged, *filter_arguments(used_masks(cfg)), '--detector',
        config_path(cfg, 'detector'), '--checkpoint', checkpoint, '--out',
        steps.work_dir
    ]
    steps.run('figures', 'analysis_tools/draw_results.py', args,
              (cfg.val.instances, fused, merged, checkpoint))


def read_pipeline(path: str) -> Config:
    """Read a pipeline config; refuse it if a later step would fail."""
    cfg = read_config(path)
    train = cfg.get('train') or {}
    missing = [key for key in ('labeller', 'detector') if not cfg.get(key)]
    missing += [f'train.{k}' for k in ('boxes', 'images') if not train.get(k)]
    if missing:
        raise InputError(f'{path} does not set {", ".join(missing)}; see '
                         'configs/toy/toy_pipeline.py.')
    if cfg.get('twin') and not cfg.get('val'):
        raise InputError(f'{path}: `twin` is compared on `val`; set `val`, '
                         'too, or set twin=None.')
    _check_files(cfg)
    return cfg


def _check_files(cfg: Config) -> None:
    roles = ('labeller', 'student', 'detector', 'twin')
    roles = [role for role in roles if cfg.get(role)]
    files = [config_path(cfg, role) for role in roles] + [cfg.train.boxes]
    files += [cfg.val.instances] if cfg.get('val') else []
    lost = [p for p in files if '://' not in p and not osp.isfile(p)]
    if lost:
        raise InputError(
            f'{cfg.filename} names files that do not exist: '
            f'{", ".join(lost)}. Paths of configs are relative to this '
            f'config, paths of data to {os.getcwd()}.')
    if cfg.get('val'):
        _check_val(cfg.val.instances)
    detector = read_config(config_path(cfg, 'detector'))
    dataset = detector.train_dataloader.dataset
    if not {'mask_score_thr', 'mask_filter'} & set(dataset):
        raise InputError(
            f'{detector.filename}: set mask_score_thr or mask_filter of '
            'train_dataloader.dataset, a ProxyCocoDataset.')
    if cfg.get('student') and not own_sources(cfg):
        raise InputError(f'{config_path(cfg, "student")}: no data set of '
                         'train_dataloader has a `mask_filter`, which chooses '
                         'masks of the labeller; see MaskedCropDataset. (Data '
                         'sets of the labeller do not count.)')


def _check_val(path: str) -> None:
    """Check that all boxes of val can be labelled, as their masks count."""
    coco = CocoBoxes(path, img_prefix=None)
    usable = {ann['id'] for anns in coco.annotations.values() for ann in anns}
    lost = [
        ann['id'] for ann in coco.data['annotations']
        if not is_ignored(ann) and ann['id'] not in usable
    ]
    if lost:
        raise InputError(
            f'{path}: {len(lost)} boxes of `val` cannot be labelled, see '
            f'above: annotation {first_few(lost)}. Correct or remove them.')


@exit_on_bad_input()
def main() -> None:
    parser = argparse.ArgumentParser(
        description='Train a labeller, label the boxes, train a detector on '
        'the proxy masks, and print one table. configs/toy/toy_pipeline.py '
        'is an example of the config.')
    parser.add_argument('config', help='config of the pipeline')
    parser.add_argument(
        '--work-dir', required=True, help='folder of all results')
    add_trust_checkpoint(parser)
    args = parser.parse_args()
    cfg = read_pipeline(args.config)
    check_folder(args.work_dir, 'work folder')
    steps = StepRunner(
        TOOLS, args.work_dir, trust_checkpoint=args.trust_checkpoint)
    summary = run(cfg, steps)
    dump(summary, steps.path('summary.json'), indent=1)
    print('\n' + format_table(summary))
    figures = ' and the figures' if cfg.get('val') else ''
    print(f'\nwritten to {args.work_dir}: summary.json{figures}')


if __name__ == '__main__':
    main()
