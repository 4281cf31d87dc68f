import argparse
import hashlib
import os.path as osp

from mmengine.config import Config
from mmengine.fileio import get, join_path

from mmboxcaseg import InputError
from mmboxcaseg.proxy import ProxyWriter
from mmboxcaseg.utils.cli import (add_common_arguments, check_file,
                                  exit_on_bad_input, library_versions,
                                  load_config)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Turn the boxes of a COCO file into masks: predict, '
        'merge, score, write the proxy file. A run that was cut off goes on '
        'where it stopped. By default it labels what `label_dataloader` of '
        'the config names.')
    add_common_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint of the labeller')
    parser.add_argument('out', help='proxy file (.json) to write')
    parser.add_argument('--ann-file', help='COCO file of the boxes to label')
    parser.add_argument('--img-prefix', help='folder of its images')
    merging = parser.add_mutually_exclusive_group()
    merging.add_argument(
        '--merge-by',
        choices=['box', 'mask'],
        default='box',
        help='a pixel goes to the object with the smallest box (default) or '
        'mask that claims it')
    merging.add_argument(
        '--no-merge',
        dest='merge_by',
        action='store_const',
        const=None,
        help='leave overlapping masks as they are predicted')
    parser.add_argument(
        '--off-by-one',
        action='store_true',
        help="score as the authors' code does: a perfect mask of h x w "
        'pixels gets hw / ((h + 1) (w + 1))')
    parser.add_argument(
        '--amp',
        action='store_true',
        help='label with mixed precision: float16 on a GPU, bfloat16 on a '
        'CPU')
    args = parser.parse_args()
    if bool(args.ann_file) != bool(args.img_prefix):
        parser.error('--ann-file and --img-prefix go together')
    return args


def get_dataset_cfg(cfg: Config, args: argparse.Namespace) -> Config:
    """Return the config of the data set to label, paths made absolute."""
    if 'label_dataloader' not in cfg:
        raise InputError(
            f'{args.config} has no `label_dataloader`, so it is no config of '
            'a labeller.')
    from mmboxcaseg.checks import check_settings
    check_settings(cfg, 'label')
    dataset = cfg.label_dataloader.dataset
    root = dataset.pop('data_root', '')
    dataset.ann_file = args.ann_file or join_path(root, dataset.ann_file)
    dataset.data_prefix = dict(
        img=args.img_prefix or join_path(root, dataset.data_prefix.img))
    return dataset


def get_provenance(cfg: Config, args: argparse.Namespace) -> dict:
    """Describe where the masks come from."""
    digest = hashlib.sha256(get(args.checkpoint)).hexdigest()
    name = osp.splitext(osp.basename(args.config))[0]
    return dict(
        mask_source=f'{name}@{digest[:8]}',
        versions=library_versions(),
        config=name,
        checkpoint_sha256=digest,
        merge_by=args.merge_by,
        off_by_one=args.off_by_one,
        amp=args.amp,
        test_cfg=cfg.model.get('test_cfg', {}),
        fusion=cfg.model.get('fusion', {}),
        data_preprocessor=cfg.model.get('data_preprocessor', {}),
        crop_size=cfg.label_dataloader.dataset.get('crop_size'),
        pipeline=cfg.label_dataloader.dataset.pipeline)


def run(args: argparse.Namespace, cfg: Config) -> None:
    """Label what is not labelled yet, and write the proxy file."""
    from mmengine.dist import barrier, is_main_process

    from mmboxcaseg.utils.runner import build_runner, check_weights
    dataset = get_dataset_cfg(cfg, args)
    check_file(dataset.ann_file, 'COCO file of the boxes',
               dataset.get('backend_args'))

    provenance = get_provenance(cfg, args)
    writer = ProxyWriter(args.out, dataset.ann_file, provenance)
    if is_main_process():
        writer.prepare()
    barrier()
    # One is labelled again: a run cut off at the very end has no other left,
    # and a data set must not be empty.
    dataset.skip_img_ids = sorted(writer.finished())[1:]
    barrier()

    cfg.load_from = args.checkpoint
    cfg.resume = False
    cfg.test_dataloader = cfg.label_dataloader
    cfg.test_evaluator = []
    cfg.test_cfg = dict(
        type='mmboxcaseg.LabelLoop',
        fp16=args.amp,
        out_file=args.out,
        source_file=dataset.ann_file,
        provenance=provenance,
        merge_by=args.merge_by,
        off_by_one=args.off_by_one)
    runner = build_runner(cfg)
    check_weights(runner.model, args.checkpoint)
    runner.test()


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.checkpoint, 'checkpoint')
    cfg = load_config(args)
    if args.work_dir is None:
        # The config that the training wrote to its folder stays as it is.
        cfg.work_dir = osp.join(cfg.work_dir, 'label')
    # After the arguments: PyTorch and mmdet take seconds to import.
    from mmboxcaseg.engine.checkpoint import safe_checkpoints
    with safe_checkpoints(args.trust_checkpoint):
        run(args, cfg)


if __name__ == '__main__':
    main()
