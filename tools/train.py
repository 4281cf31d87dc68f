import argparse
from typing import TYPE_CHECKING

from mmengine.config import Config

from mmboxcaseg import InputError
from mmboxcaseg.utils.cli import (add_common_arguments, exit_on_bad_input,
                                  load_config)

if TYPE_CHECKING:
    from mmengine.runner import Runner

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
        help='scale the learning rate from auto_scale_lr.base_batch_size of '
        'the config to the actual batch size')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='continue from this checkpoint, or from the latest one in the '
        'work folder if none is given')
    return parser.parse_args()


def enable_amp(cfg: Config) -> None:
    """Switch the optimizer wrapper of a config to mixed precision."""
    from mmengine.device import get_device

    # Only `type` is replaced, so other arguments must fit the new class.
    wrapper_type = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if wrapper_type not in ('OptimWrapper', 'AmpOptimWrapper', BFLOAT16):
        raise InputError(f'--amp cannot replace {wrapper_type}, the '
                         'optim_wrapper of the config.')
    if get_device() != 'cpu':
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    elif 'label_dataloader' in cfg:
        cfg.optim_wrapper.type = BFLOAT16
    else:
        raise InputError('--amp: without a GPU only labellers can train in '
                         'bfloat16, because the NMS of mmcv does not support '
                         'it on a CPU.')


def enable_auto_scale_lr(cfg: Config) -> None:
    """Let the runner scale the learning rate to the batch size."""
    if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
        raise InputError('--auto-scale-lr: the config does not set '
                         'auto_scale_lr.base_batch_size, the batch size for '
                         'its learning rate.')
    cfg.auto_scale_lr.enable = True


def enable_resume(cfg: Config, checkpoint: str) -> None:
    """Continue from a checkpoint; 'auto' is the latest one."""
    from mmengine.runner import find_latest_checkpoint

    from mmboxcaseg.engine.checkpoint import set_weights

    if checkpoint == 'auto':
        checkpoint = find_latest_checkpoint(cfg.work_dir)
        if checkpoint is None:
            # In the first run, start with `load_from` of the config.
            return
    cfg.resume = True
    set_weights(cfg, checkpoint)


def check_resumable(runner: 'Runner', checkpoint: str) -> None:
    """Check that a checkpoint can resume this training."""
    from mmboxcaseg.engine.checkpoint import read_checkpoint
    from mmboxcaseg.utils.runner import check_weights

    missing = {'meta', 'optimizer', 'message_hub'} - set(
        read_checkpoint(checkpoint))
    if missing:
        raise InputError(
            f'{checkpoint} has no {", ".join(sorted(missing))}, so the '
            'training cannot be resumed. To start from its weights, set '
            'load_from and leave out --resume.')
    check_weights(runner.model, checkpoint)


def check_epoch(runner: 'Runner') -> None:
    """Check that the data set fills a batch.

    Otherwise MMEngine would end without a message, or loop forever.
    """
    loader = runner.train_dataloader
    if not len(loader):
        raise InputError(
            f'train_dataloader: {len(loader.dataset)} samples do not fill a '
            'batch, and drop_last=True drops incomplete batches. Use a '
            'smaller batch_size, or set drop_last=False (also of '
            'batch_sampler).')


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    # After the arguments: PyTorch and mmdet take seconds to import.
    from mmboxcaseg.checks import check_classes, check_settings, check_truth
    from mmboxcaseg.engine.checkpoint import safe_checkpoints
    from mmboxcaseg.utils.runner import build_runner

    cfg = load_config(args)
    if args.resume is not None:
        enable_resume(cfg, args.resume)
    with safe_checkpoints(args.trust_checkpoint):
        check_settings(cfg, 'train')
        check_classes(cfg)
        check_truth(cfg, 'val')
        if args.amp:
            enable_amp(cfg)
        if args.auto_scale_lr:
            enable_auto_scale_lr(cfg)
        runner = build_runner(cfg, 'train', 'val')
        check_epoch(runner)
        if cfg.get('resume') and cfg.get('load_from'):
            check_resumable(runner, cfg.load_from)
        runner.train()


if __name__ == '__main__':
    main()
