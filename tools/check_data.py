"""Check the data of a config before you spend hours on training or labelling.

All images, boxes and masks of all data sets are read. Problems are printed,
errors first; the exit status is 1 if there are errors. See
docs/check_data.md. Example:

    python tools/check_data.py configs/toy/boxcaseg_hrnetv2-tiny_toy.py \\
        --out findings.json
"""
import argparse
import json
import os
from typing import TYPE_CHECKING

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import write_atomically
from mmboxcaseg.utils.cli import (add_cfg_options, at_least, check_output,
                                  exit_on_bad_input, read_config)

if TYPE_CHECKING:
    from mmboxcaseg.checks import CheckedSource


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of a labeller or a detector')
    parser.add_argument('--out', help='JSON file to write all findings to')
    parser.add_argument(
        '--fix',
        metavar='OUT.json',
        help='COCO file to write, with all problems corrected that need no '
        'guess; the corrections are counted')
    parser.add_argument(
        '--fix-file',
        metavar='FILE',
        help='COCO file that --fix corrects (default: the file of the '
        'training set)')
    parser.add_argument(
        '--nproc',
        type=at_least(1),
        default=len(os.sched_getaffinity(0)),
        help='processes that read images (default: one per CPU, %(default)s)')
    parser.add_argument(
        '--examples',
        type=at_least(1),
        default=3,
        help='examples to print for each finding (default: %(default)s)')
    add_cfg_options(parser)
    args = parser.parse_args()
    if args.fix_file and not args.fix:
        parser.error('--fix-file needs --fix')
    return args


def choose_file(checked: list, name: str) -> 'CheckedSource':
    """Find the COCO file to correct.

    Args:
        checked (list[CheckedSource]): The data sets of the config.
        name (str): The file, or None for the file of the training set.

    Returns:
        CheckedSource: Its data set.

    Raises:
        InputError: There is none, or more than one.
    """
    found = {
        one.coco.path: one
        for one in checked
        if one.coco and (one.coco.path == name or not name and one.is_trained)
    }
    if len(found) != 1:
        files = sorted({one.coco.path for one in checked if one.coco})
        raise InputError(
            f'--fix: {len(found)} COCO files could be meant. Name '
            f'one of {files} with --fix-file.')
    return next(iter(found.values()))


def write_fixed(checked: 'CheckedSource', out: str) -> None:
    """Write the corrected file and print the corrections."""
    from mmboxcaseg.checks import fix_coco

    coco = checked.coco
    data, counts = fix_coco(coco, dict(zip(coco.images, checked.facts)),
                            checked.inspect)
    write_atomically(out, [json.dumps(data)])
    print(f'\n{out}, of {coco.path}:')
    for text, number in sorted(counts.items()):
        print(f'{number:8}  {text}')
    print(f'{len(data["annotations"]):8}  annotations in '
          f'{len(data["images"])} images are left\nSet `ann_file` to this '
          'file and check again: problems that need a decision remain.')


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    # After the arguments: PyTorch and mmdet take seconds to import.
    from mmboxcaseg.checks import check_config

    cfg = read_config(args.config, args.cfg_options)
    for path in filter(None, (args.out, args.fix)):
        check_output(path)
    findings, checked = check_config(cfg, args.nproc)
    print(findings.table(args.examples))
    if args.out:
        write_atomically(args.out, [json.dumps(findings.to_json(), indent=1)])
    if args.fix:
        write_fixed(choose_file(checked, args.fix_file), args.fix)
    raise SystemExit(findings.counts()['error'] > 0)


if __name__ == '__main__':
    main()
