import argparse

from mmboxcaseg import InputError
from mmboxcaseg.utils.cli import (add_common_arguments, check_output,
                                  exit_on_bad_input, load_config)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Test (and evaluate) a labeller or a detector')
    add_common_arguments(parser)
    parser.add_argument(
        'checkpoint', help='checkpoint, or other weights as in label.py')
    parser.add_argument(
        '--out', help='file (.pkl) for the predictions of a detector')
    parser.add_argument(
        '--show', action='store_true', help='show the predictions')
    parser.add_argument(
        '--show-dir',
        help='folder for images with drawn predictions, inside '
        'work_dir/timestamp')
    parser.add_argument(
        '--wait-time',
        type=float,
        default=2,
        help='seconds between two images of --show')
    args = parser.parse_args()
    if args.out is not None and not args.out.endswith(('.pkl', '.pickle')):
        parser.error(f'--out must end in .pkl or .pickle, not {args.out}')
    return args


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    # After the arguments: PyTorch and mmdet take seconds to import.
    from mmdet.engine.hooks.utils import trigger_visualization_hook
    from mmdet.evaluation import DumpDetResults

    from mmboxcaseg.checks import check_classes, check_settings, check_truth
    from mmboxcaseg.engine.checkpoint import safe_checkpoints, set_weights
    from mmboxcaseg.utils.runner import build_runner, check_weights

    cfg = load_config(args)
    checkpoint = set_weights(cfg, args.checkpoint)
    if not cfg.get('test_dataloader'):
        raise InputError(f'{args.config} has no test_dataloader, so there is '
                         'nothing to test.')
    if args.out is not None:
        check_output(args.out)
        if 'label_dataloader' in cfg:
            raise InputError('--out is for detectors; tools/label.py writes '
                             'the masks of a labeller.')
    # A test never resumes a training, whatever the config says.
    cfg.resume = False
    if args.show or args.show_dir:
        if 'visualization' not in cfg.get('default_hooks', {}):
            raise InputError('--show and --show-dir need '
                             'default_hooks.visualization in the config.')
        cfg = trigger_visualization_hook(cfg, args)
    with safe_checkpoints(args.trust_checkpoint):
        check_settings(cfg, 'test')
        check_classes(cfg)
        check_truth(cfg, 'test')
        runner = build_runner(cfg, 'test')
        if checkpoint:
            check_weights(runner.model, checkpoint)
        if args.out is not None:
            runner.test_evaluator.metrics.append(
                DumpDetResults(out_file_path=args.out))
        runner.test()


if __name__ == '__main__':
    main()
