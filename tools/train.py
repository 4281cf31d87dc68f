import argparse

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import Runner, find_latest_checkpoint

from mmboxcaseg.checks import check_classes, check_settings, check_truth
from mmboxcaseg.utils.cli import (add_common_arguments, build_runner,
                                  check_file, exit_on_bad_config, load_config)

BFLOAT16 = 'mmboxcaseg.BFloat16OptimWrapper'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Train a labeller or a detector')
    add_common_arguments(parser)
    parser.add_argument(
        '--amp',
        action='store_true',
        help='train with automatic mixed precision: float16 on a GPU, '
        'bfloat16 on a CPU')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate from the batch size the config was '
        'made for (auto_scale_lr.base_batch_size) to the real one')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from this checkpoint, or from the latest one in the '
        'work folder when none is named')
    return parser.parse_args()


def enable_amp(cfg: Config) -> None:
    """Switch the optimizer wrapper of a config to mixed precision."""
    # 'type' alone would keep the arguments of another kind of wrapper.
    wrapper_type = cfg.optim_wrapper.get('type', 'OptimWrapper')
    replaceable = ('OptimWrapper', 'AmpOptimWrapper', BFLOAT16)
    if wrapper_type not in replaceable:
        raise SystemExit(f'--amp cannot replace {wrapper_type}, the '
                         'optim_wrapper of the config')
    if get_device() == 'cpu':
        if 'label_dataloader' not in cfg:
            raise SystemExit('--amp: without a GPU only labellers can train '
                             'in bfloat16. Detectors suppress overlapping '
                             'boxes, which mmcv cannot in it on a CPU.')
        cfg.optim_wrapper.type = BFLOAT16
        return
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def enable_auto_scale_lr(cfg: Config) -> None:
    """Have the runner scale the learning rate to the batch size."""
    if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
        raise SystemExit('--auto-scale-lr: the config does not set '
                         'auto_scale_lr.base_batch_size, the batch size its '
                         'learning rate is meant for')
    cfg.auto_scale_lr.enable = True


def enable_resume(cfg: Config, checkpoint: str) -> None:
    """Go on from a checkpoint, or from the latest one if it is 'auto'."""
    if checkpoint == 'auto':
        checkpoint = find_latest_checkpoint(cfg.work_dir)
        if checkpoint is None:
            # A first run: start as the config says, with its load_from.
            return
    check_file(checkpoint, 'checkpoint')
    cfg.resume = True
    cfg.load_from = checkpoint


def check_epoch(runner: Runner) -> None:
    """Stop if the data set does not fill one batch: nothing would be learnt.

    MMEngine would end without a word, or try for ever.
    """
    loader = runner.train_dataloader
    if not len(loader):
        raise SystemExit(
            f'train_dataloader: {len(loader.dataset)} samples do not fill a '
            'batch, and drop_last=True leaves it out. Use a smaller '
            'batch_size, or set drop_last=False (also of batch_sampler).')


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    if args.resume is not None:
        enable_resume(cfg, args.resume)
    with exit_on_bad_config(cfg):
        check_settings(cfg, 'train')
        check_classes(cfg)
        check_truth(cfg, 'val')
        if args.amp:
            enable_amp(cfg)
        if args.auto_scale_lr:
            enable_auto_scale_lr(cfg)
        runner = build_runner(cfg)
        check_epoch(runner)
        runner.train()


if __name__ == '__main__':
    main()
