import argparse
import os.path as osp

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import check_file, write_coco
from mmboxcaseg.proxy import apply_review
from mmboxcaseg.utils.cli import check_output, exit_on_bad_input


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Apply the decisions of a review to a proxy file: kept '
        'masks get mask_weight 1 and mask_source "human", dropped ones '
        'mask_weight 0. See docs/review.md.')
    parser.add_argument('proxy', help='proxy file that was reviewed')
    parser.add_argument(
        'decisions',
        help='JSON file that a page of tools/analysis_tools/proxy_review.py '
        'downloaded')
    parser.add_argument('out', help='proxy file (.json) to write')
    return parser.parse_args()


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.proxy, 'proxy file')
    check_file(args.decisions, 'decisions')
    check_output(args.out)
    for path in (args.proxy, args.decisions):
        if osp.realpath(path) == osp.realpath(args.out):
            raise InputError(f'{args.out} is an input and would be '
                             'overwritten: choose another name.')
    data, counts = apply_review(args.proxy, args.decisions)
    write_coco(args.out, data)
    print(f'{args.out}: {counts["keep"]} masks kept, {counts["drop"]} '
          f'dropped, {counts["open"]} without a decision')


if __name__ == '__main__':
    main()
