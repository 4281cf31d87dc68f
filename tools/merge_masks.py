import argparse
import os.path as osp
from collections import Counter

from mmboxcaseg import InputError, track
from mmboxcaseg.datasets.coco import CocoBoxes, check_file, first_few
from mmboxcaseg.proxy import (ProxyWriter, load_predictions, match_predictions,
                              merge_image)
from mmboxcaseg.proxy.options import add_mask_options, record_options
from mmboxcaseg.proxy.provenance import describe_source, library_versions
from mmboxcaseg.utils.cli import exit_on_bad_input


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Turn masks of any source into a proxy file: match them '
        'with the boxes of a COCO file, clip, merge, score, write. See '
        'docs/proxy_file.md.')
    parser.add_argument('boxes', help='COCO file of the boxes')
    parser.add_argument(
        'predictions',
        help='JSON list of masks, each with annotation_id, or image_id and '
        'bbox (as COCO results); or a COCO file with masks, such as a proxy '
        'file')
    parser.add_argument('out', help='proxy file (.json) to write')
    add_mask_options(parser)
    parser.add_argument(
        '--no-clip',
        action='store_true',
        help='keep pixels outside the boxes, which lower the score')
    parser.add_argument(
        '--min-iou',
        type=float,
        default=0.9,
        help='a prediction without annotation_id belongs to the annotation '
        'whose box has at least this IoU with its bbox (default: '
        '%(default)s)')
    parser.add_argument(
        '--source',
        help='name of what made the masks, for `mask_source` (default: the '
        'name of the file of predictions and the first digits of its '
        'SHA-256)')
    args = parser.parse_args()
    if not 0 < args.min_iou <= 1:
        parser.error('--min-iou must be in (0, 1]')
    return args


def get_provenance(args: argparse.Namespace) -> dict:
    """Describe where the masks come from."""
    source = describe_source(args.predictions)
    return dict(
        mask_source=args.source or source['mask_source'],
        versions=library_versions(),
        predictions_sha256=source['sha256'],
        **record_options(args),
        truncate=args.truncate,
        clip=not args.no_clip,
        min_iou=args.min_iou)


def run(args: argparse.Namespace) -> None:
    """Write the proxy file and print what became of the predictions."""
    if osp.realpath(args.out) == osp.realpath(args.predictions):
        raise InputError(f'{args.out} is the file of the predictions and '
                         'would be overwritten: choose another name.')
    coco = CocoBoxes(args.boxes, img_prefix=None)
    predictions = load_predictions(args.predictions)
    found, left_out = match_predictions(predictions, coco, args.min_iou,
                                        args.predictions)
    writer = ProxyWriter(args.out, args.boxes, get_provenance(args),
                         args.polygons)
    writer.prepare()
    counts = Counter()
    for img_id in track(list(coco.annotations)):
        records, image_counts = merge_image(coco.annotations[img_id],
                                            coco.images[img_id], found,
                                            not args.no_clip, args.truncate,
                                            found.expected_ious,
                                            **record_options(args))
        writer.append(0, img_id, records)
        counts.update(image_counts)
    result = writer.finish()
    print()
    for reason, names in left_out.items():
        print(f'{len(names)} of {len(predictions)} predictions left out, '
              f'{reason}: {first_few(names)}')
    boxes = [ann['id'] for anns in coco.annotations.values() for ann in anns]
    bare = [ann_id for ann_id in boxes if ann_id not in found]
    if bare:
        print(f'{len(bare)} of {len(boxes)} boxes have no prediction, their '
              f'masks are empty: annotation {first_few(bare)}')
    print(f'{counts["outside"]} masks leave their boxes'
          f'{"" if args.no_clip else " and were clipped"}, '
          f'{counts["empty"]} are empty after merging\n'
          f'{writer.summary(**result)}')


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.boxes, 'COCO file of the boxes')
    check_file(args.predictions, 'predictions')
    run(args)


if __name__ == '__main__':
    main()
