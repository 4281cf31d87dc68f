import argparse

from mmboxcaseg.datasets.coco import check_file
from mmboxcaseg.proxy import ScoredMasks
from mmboxcaseg.utils.cli import at_least, check_output, exit_on_bad_input
from mmboxcaseg.visualization.report.review import ProxyReview


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write a page to review masks of a proxy file in a '
        'browser: keys keep or drop them. The page is one self-contained HTML '
        'file; tools/apply_review.py applies the decisions. See '
        'docs/review.md.')
    parser.add_argument('proxy', help='proxy file')
    parser.add_argument('--images', required=True, help='folder of its images')
    parser.add_argument('--out', required=True, help='HTML file to write')
    parser.add_argument(
        '--num',
        type=at_least(1),
        default=200,
        help='number of masks (default: %(default)s): the ones with the '
        'lowest expected IoU, or with the lowest score if the file has no '
        'expected IoU')
    parser.add_argument(
        '--random',
        type=at_least(0),
        metavar='SEED',
        help='draw the masks with this seed instead')
    parser.add_argument(
        '--classes', nargs='+', metavar='NAME', help='only these classes')
    parser.add_argument(
        '--again',
        action='store_true',
        help='also masks that have a `mask_weight`, for example from an '
        'earlier review')
    parser.add_argument(
        '--side',
        type=at_least(1),
        default=480,
        help='longest side of an embedded image in pixels (default: '
        '%(default)s)')
    return parser.parse_args()


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.proxy, 'proxy file')
    check_output(args.out)
    masks = ScoredMasks(args.proxy, args.images)
    review = ProxyReview(masks, args.num, args.random, args.classes,
                         args.again, args.side)
    review.write(args.out)
    for reason, count in review.left_out.items():
        print(f'{count} masks left out, {reason}')
    print(f'{args.out}: {len(review.picks)} of {len(masks)} masks to review')


if __name__ == '__main__':
    main()
