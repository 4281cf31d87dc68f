import argparse
import os.path as osp

from mmengine.config import Config
from mmengine.fileio import join_path

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import check_file
from mmboxcaseg.proxy.options import add_mask_options, record_options
from mmboxcaseg.utils.cli import (add_common_arguments, check_output,
                                  exit_on_bad_input, load_config)
from mmboxcaseg.utils.config import truncate_boxes


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Turn the boxes of a COCO file into masks: predict, '
        'merge, score, write the proxy file. An interrupted run continues '
        'where it stopped. By default, the boxes of `label_dataloader` in the '
        'config are labelled.')
    add_common_arguments(parser)
    parser.add_argument(
        'checkpoint',
        help='weights of the labeller: its checkpoint; the folder of a '
        'promptable model or its name on the Hugging Face Hub; an ONNX file')
    parser.add_argument('out', help='proxy file (.json) to write')
    parser.add_argument('--boxes', help='COCO file of the boxes to label')
    parser.add_argument('--images', help='folder of their images')
    add_mask_options(parser, has_probability=True)
    parser.add_argument(
        '--amp',
        action='store_true',
        help='label with mixed precision: float16 on a GPU, bfloat16 on a '
        'CPU')
    args = parser.parse_args()
    if bool(args.boxes) != bool(args.images):
        parser.error('--boxes and --images must be given together')
    return args


def set_data(cfg: Config, args: argparse.Namespace) -> None:
    """Use the boxes to label as the test data set, with complete paths."""
    loader = cfg.label_dataloader
    # Fills the chunks of the network, whatever the number of boxes per image.
    loader.setdefault(
        'batch_sampler',
        dict(
            type='mmboxcaseg.BoxBatchSampler',
            chunk=cfg.model.get('test_cfg', {}).get('chunk', 16)))
    dataset = loader.dataset
    root = dataset.pop('data_root', '')
    dataset.ann_file = args.boxes or join_path(root, dataset.ann_file)
    dataset.data_prefix = dict(
        img=args.images or join_path(root, dataset.data_prefix.img))
    if args.truncate:
        truncate_boxes(dataset.pipeline)
    cfg.test_dataloader = loader
    cfg.test_evaluator = []


def run(args: argparse.Namespace, cfg: Config) -> None:
    """Label the remaining boxes, and write the proxy file."""
    from mmboxcaseg.checks import check_settings
    from mmboxcaseg.engine.checkpoint import set_weights
    from mmboxcaseg.utils.runner import build_runner, check_weights
    if 'label_dataloader' not in cfg:
        raise InputError(f'{args.config} has no `label_dataloader`, so it is '
                         'not the config of a labeller.')
    check_settings(cfg, 'label')
    set_data(cfg, args)
    dataset = cfg.test_dataloader.dataset
    check_file(dataset.ann_file, 'COCO file of the boxes',
               dataset.get('backend_args'))
    checkpoint = set_weights(cfg, args.checkpoint)
    cfg.resume = False
    # A batch takes seconds on a CPU: 50 of them are too many for a message.
    interval = cfg.get('default_hooks', {}).get('logger', {}).get('interval')
    cfg.merge_from_dict(
        {'default_hooks.logger.interval': min(interval or 10, 10)})
    cfg.test_cfg = dict(type='TestLoop', fp16=args.amp)
    hook = dict(
        type='mmboxcaseg.ProxyMaskHook',
        out_file=args.out,
        polygons=args.polygons,
        **record_options(args))
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), hook]
    runner = build_runner(cfg, 'test')
    if checkpoint:
        check_weights(runner.model, checkpoint)
    runner.test()


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_output(args.out)
    cfg = load_config(args)
    if args.work_dir is None:
        # A subfolder, so that the config in the training's folder is kept.
        cfg.work_dir = osp.join(cfg.work_dir, 'label')
    # After the arguments: PyTorch and mmdet take seconds to import.
    from mmboxcaseg.engine.checkpoint import safe_checkpoints
    with safe_checkpoints(args.trust_checkpoint):
        run(args, cfg)


if __name__ == '__main__':
    main()
