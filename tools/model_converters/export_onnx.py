"""Export a labeller to ONNX.

The exported network turns `crops`, (N, 3, S, S), float32, BGR in [0, 255],
into `foreground`, (N, S, S), probabilities. N is dynamic. With a box prompt
(new_dataset.py --size small) crops have a fourth channel: 1 inside the box,
else -1.
"""
import argparse

from mmboxcaseg import InputError
from mmboxcaseg.utils.cli import (add_cfg_options, add_trust_checkpoint,
                                  at_least, check_output, exit_on_bad_input,
                                  read_config)

# Rounding errors can change probabilities by up to this value.
TOLERANCE = 1e-4


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of the labeller')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('out', help='ONNX file to write')
    parser.add_argument(
        '--size',
        type=at_least(1),
        help='side S of the crops in pixels (default: crop_size of '
        '`label_dataloader` of the config)')
    add_cfg_options(parser)
    add_trust_checkpoint(parser)
    return parser.parse_args()


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    cfg = read_config(args.config, args.cfg_options)
    check_output(args.out)
    # After the arguments: PyTorch and mmdet take seconds to import.
    from mmboxcaseg.apis import export_onnx, init_labeller

    model = init_labeller(cfg, args.checkpoint, 'cpu', args.trust_checkpoint)
    size = args.size or model.crop_size
    if not size:
        raise InputError(f'{args.config} has no crop_size: give --size.')
    error = export_onnx(model, size, args.out)
    if error > TOLERANCE:
        raise InputError(
            f'{args.out} gives other probabilities than the labeller; they '
            f'differ by up to {error:.2g}. Do not use it, and report its '
            'config.')
    print(f'{args.out}: crops of {size} px, probabilities differ by at most '
          f'{error:.0e}')


if __name__ == '__main__':
    main()
