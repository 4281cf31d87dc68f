import argparse
import math

from mmboxcaseg.datasets.coco import check_file
from mmboxcaseg.evaluation import compare_masks
from mmboxcaseg.proxy import ScoredMasks
from mmboxcaseg.proxy.options import add_filter_options, mask_filter
from mmboxcaseg.utils.cli import at_least, check_output, exit_on_bad_input
from mmboxcaseg.visualization.report.report import ProxyReport


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write a report on a proxy file: the distribution of the '
        'scores, the masks kept at a threshold, and figures of masks. The '
        'report is one self-contained HTML file.')
    parser.add_argument('proxy', help='proxy file')
    parser.add_argument('--images', required=True, help='folder of its images')
    parser.add_argument('--out', required=True, help='HTML file to write')
    parser.add_argument(
        '--truth',
        help='COCO file with true masks for the same annotation ids: adds '
        'mIoU*, IoU@k and the correlation of score and true IoU')
    parser.add_argument(
        '--unmerged',
        help='proxy file of the same boxes made with --no-merge: adds the '
        'masks that merging changed most')
    add_filter_options(parser)
    parser.add_argument(
        '--topk',
        type=at_least(1),
        default=12,
        help='number of masks per gallery (default: 12)')
    parser.add_argument(
        '--seed',
        type=at_least(0),
        default=0,
        help='seed of the gallery of random masks (default: 0)')
    return parser.parse_args()


def print_scores(report: ProxyReport) -> None:
    """Print how well each score predicts the true IoU."""
    for row in report.score_rows():
        correlation = f'rank correlation {row["correlation"]:.3f}'
        if math.isnan(row['correlation']):
            correlation = 'no rank correlation (equal scores or equal IoUs)'
        print(f'{row["name"]}: mean {row["score"]:.3f}, true IoU: mean '
              f'{row["iou"]:.3f}, {correlation}, mean of the best 20 % '
              f'{row["best"]:.3f}, of the worst {row["worst"]:.3f}')
    for name in report.not_compared():
        print(f'{name}: not compared, no mask with a true mask has one')


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.proxy, 'proxy file')
    check_output(args.out)
    paths = dict(truth=args.truth, unmerged=args.unmerged)
    paths = {name: path for name, path in paths.items() if path}
    for name, path in paths.items():
        check_file(path, f'--{name}')
    masks = ScoredMasks(args.proxy, args.images)
    others = {name: compare_masks(masks, path) for name, path in paths.items()}
    rule = mask_filter(args)
    # The report describes a plain threshold as the paper does.
    plain = rule.key == 'mask_score' and rule.keep_share is None
    options = dict(threshold=rule.thr) if plain else dict(mask_filter=rule)
    report = ProxyReport(
        masks, topk=args.topk, seed=args.seed, **others, **options)
    report.write(args.out)
    words = f'score {rule.thr} or more' if plain else f'kept: {rule}'
    print(f'{args.out}: {len(masks)} masks, {report.kept.sum()} {words}')
    if report.truth:
        print_scores(report)


if __name__ == '__main__':
    main()
