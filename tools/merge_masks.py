import argparse
import os.path as osp
from collections import Counter
from typing import List, Tuple

from mmboxcaseg import InputError, track
from mmboxcaseg.datasets.coco import CocoBoxes, check_file, first_few
from mmboxcaseg.proxy import (Matches, ProxyWriter, combine_sources,
                              load_predictions, match_predictions, merge_image)
from mmboxcaseg.proxy.combining import COMBINE_RULES
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
        nargs='+',
        help='JSON list of masks, each with annotation_id, or image_id and '
        'bbox (as COCO results); or a COCO file with masks, such as a proxy '
        'file. Several files are combined')
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
        '--crowds',
        action='store_true',
        help='COCO files: masks with `iscrowd` 1 are objects. CVAT writes '
        '`iscrowd` 1 for all masks')
    parser.add_argument(
        '--source',
        action='append',
        metavar='NAME',
        help='name of the masks\' source, for `mask_source` (default: the '
        'name of the file of predictions and the first digits of its '
        'SHA-256); once for each of several files')
    parser.add_argument(
        '--combine',
        choices=COMBINE_RULES,
        help='needed for several files: which mask a box gets. ' +
        '; '.join(f'{rule}: {text}' for rule, text in COMBINE_RULES.items()))
    parser.add_argument(
        '--agreement',
        action='store_true',
        help='write the mean IoU between the masks of several files as '
        '`expected_iou`')
    args = parser.parse_args()
    check_args(parser, args)
    return args


def check_args(parser: argparse.ArgumentParser,
               args: argparse.Namespace) -> None:
    """End the program if options do not fit together."""
    num_files = len(args.predictions)
    if (num_files > 1) != bool(args.combine):
        parser.error('several files need --combine, a single file must not')
    if args.agreement and num_files == 1:
        parser.error('--agreement needs several files of predictions')
    if args.source and len(args.source) != num_files:
        parser.error('give --source once for each file of predictions')
    if not 0 < args.min_iou <= 1:
        parser.error('--min-iou must be in (0, 1]')


def get_provenance(args: argparse.Namespace) -> dict:
    """Describe where the masks come from."""
    found = [describe_source(path) for path in args.predictions]
    names = args.source or [source['mask_source'] for source in found]
    digests = [source['sha256'] for source in found]
    several = {}
    if args.combine:
        if len(set(names)) < len(names):
            raise InputError(f'sources of the same name: {", ".join(names)}. '
                             'Name every file once, or use --source.')
        several = dict(
            sources=names, combine=args.combine, agreement=args.agreement)
    return dict(
        mask_source=f'{args.combine} of {", ".join(names)}'
        if args.combine else names[0],
        versions=library_versions(),
        predictions_sha256=digests if args.combine else digests[0],
        **several,
        **record_options(args),
        truncate=args.truncate,
        clip=not args.no_clip,
        min_iou=args.min_iou)


def read_source(path: str, coco: CocoBoxes, args: argparse.Namespace,
                lines: List[str]) -> Matches:
    """Match the predictions of a file; adds what is left out to ``lines``."""
    predictions = load_predictions(path, args.crowds)
    found, left_out = match_predictions(predictions, coco, args.min_iou, path)
    prefix = f'{path}: ' if args.combine else ''
    lines += [
        f'{prefix}{len(names)} of {len(predictions)} predictions left out, '
        f'{reason}: {first_few(names)}' for reason, names in left_out.items()
    ]
    return found


def read_sources(coco: CocoBoxes, args: argparse.Namespace, names: List[str],
                 counts: Counter) -> Tuple[Matches, List[str]]:
    """Read the masks of all files, one per box; and messages about them."""
    lines: List[str] = []
    matches = [
        read_source(path, coco, args, lines) for path in args.predictions
    ]
    if not args.combine:
        return matches[0], lines
    found, combined = combine_sources(
        dict(zip(names, matches)), coco, args.combine, args.agreement,
        not args.no_clip, args.truncate)
    counts['outside'] = combined['outside']
    lines += [
        f'{combined[k]} boxes have masks of {k} sources'
        for k in range(len(names) + 1)
    ]
    lines += [
        f'{count} masks are from {source}'
        for source, count in Counter(found.sources.values()).items()
    ]
    if combined['dropped']:
        lines.append(f'{combined["dropped"]} masks of sources left out, '
                     'their `mask_weight` is 0')
    if combined['unweighted']:
        lines.append(f'{combined["unweighted"]} majority masks have no '
                     '`mask_weight`, although a mask of a source had one')
    return found, lines


def write_masks(coco: CocoBoxes, found: Matches, writer: ProxyWriter,
                args: argparse.Namespace) -> Counter:
    """Merge, score and store all masks; see :func:`merge_image`."""
    counts: Counter = Counter()
    for img_id in track(list(coco.annotations)):
        records, image_counts = merge_image(coco.annotations[img_id],
                                            coco.images[img_id], found,
                                            not args.no_clip, args.truncate,
                                            found.expected_ious,
                                            **record_options(args))
        for record in records:
            if record['id'] in found.weights:
                record['mask_weight'] = found.weights[record['id']]
            if record['id'] in found.sources:
                record['mask_source'] = found.sources[record['id']]
        writer.append(0, img_id, records)
        counts.update(image_counts)
    return counts


def run(args: argparse.Namespace) -> None:
    """Write the proxy file and print how the predictions were used."""
    if osp.realpath(args.out) in map(osp.realpath, args.predictions):
        raise InputError(f'{args.out} is the file of the predictions and '
                         'would be overwritten: choose another name.')
    coco = CocoBoxes(args.boxes, img_prefix=None)
    provenance, counts = get_provenance(args), Counter()
    found, lines = read_sources(coco, args, provenance.get('sources'), counts)
    writer = ProxyWriter(args.out, args.boxes, provenance, args.polygons)
    writer.prepare()
    counts += write_masks(coco, found, writer, args)
    result = writer.finish()
    if found.weights:
        zeros = sum(weight == 0 for weight in found.weights.values())
        lines.append(f'{len(found.weights)} masks keep their `mask_weight`, '
                     f'{zeros} of them have 0')
    boxes = [ann['id'] for anns in coco.annotations.values() for ann in anns]
    bare = [ann_id for ann_id in boxes if ann_id not in found]
    if bare:
        lines.append(
            f'{len(bare)} of {len(boxes)} boxes have no prediction, their '
            f'masks are empty: annotation {first_few(bare)}')
    print('', *lines, sep='\n')
    print(f'{counts["outside"]} masks leave their boxes'
          f'{"" if args.no_clip else " and were clipped"}, '
          f'{counts["empty"]} are empty after merging\n'
          f'{writer.summary(**result)}')


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.boxes, 'COCO file of the boxes')
    for path in args.predictions:
        check_file(path, 'predictions')
    run(args)


if __name__ == '__main__':
    main()
