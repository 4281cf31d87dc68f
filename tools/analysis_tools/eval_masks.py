"""Compare the masks of a proxy file with the true ones."""
import argparse
import json

from mmboxcaseg.evaluation import evaluate_mask_file
from mmboxcaseg.utils.cli import exit_on_bad_input


@exit_on_bad_input()
def main() -> None:
    parser = argparse.ArgumentParser(
        description='Print mIoU* and IoU@k of a proxy file as JSON.')
    parser.add_argument('pred', help='proxy file')
    parser.add_argument('truth', help='COCO file with the true masks')
    parser.add_argument(
        '--thresholds',
        nargs='+',
        type=int,
        default=[50, 75],
        help='each k of IoU@k, in per cent')
    args = parser.parse_args()
    result = evaluate_mask_file(args.pred, args.truth, args.thresholds)
    print(json.dumps({key: round(v, 4) for key, v in result.items()}))


if __name__ == '__main__':
    main()
