import argparse
import json

from mmboxcaseg.evaluation import evaluate_mask_file
from mmboxcaseg.proxy.options import add_merge_options
from mmboxcaseg.utils.cli import at_least, exit_on_bad_input


@exit_on_bad_input()
def main() -> None:
    parser = argparse.ArgumentParser(
        description='Compare the masks of a proxy file with true masks: '
        'print mIoU* and IoU@k as JSON.')
    parser.add_argument('pred', help='proxy file')
    parser.add_argument('truth', help='COCO file with true masks')
    parser.add_argument(
        '--thresholds',
        nargs='+',
        type=at_least(0),
        default=[50, 75],
        help='each k of IoU@k, in per cent (default: 50 75)')
    parser.add_argument(
        '--num-classes',
        type=at_least(1),
        help='divisor of the sum of the class means; the authors use 80 on '
        'COCO (default: number of classes that occur)')
    add_merge_options(parser, default=None)
    args = parser.parse_args()
    result = evaluate_mask_file(args.pred, args.truth, args.thresholds,
                                args.num_classes, args.merge_by, args.truncate)
    print(json.dumps({key: round(v, 4) for key, v in result.items()}))


if __name__ == '__main__':
    main()
