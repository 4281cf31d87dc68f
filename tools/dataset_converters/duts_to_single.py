"""List the salient images with a single object (DUTS-TR to DUTS-Single).

An object is an 8-connected component of the pixels brighter than 127;
components under 1 % of these pixels do not count. The list is for `ann_file`
of SalientDataset. See docs/converters.md. Example:

    python tools/dataset_converters/duts_to_single.py \\
        DUTS-TR/DUTS-TR-Image DUTS-TR/DUTS-TR-Mask duts_single.txt \\
        --exclude-overlap-with coco/train2017 coco/val2017
"""
import argparse
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy as np
from converting import CUT_SHORT, make_parser, print_notes, read_all
from mmengine.utils import scandir
from PIL import Image

from mmboxcaseg import InputError, track
from mmboxcaseg.datasets.coco import (IMAGE_SUFFIXES, describe, header_problem,
                                      load_image, mask_problem, read_header,
                                      write_atomically)
from mmboxcaseg.utils.cli import check_output, exit_on_bad_input


def parse_args() -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.add_argument('images', help='folder of the salient images')
    parser.add_argument('masks', help='folder of their masks')
    parser.add_argument('out', help='list (.txt) to write')
    suffix = 'suffix of the mask files (default: %(default)s)'
    parser.add_argument('--mask-suffix', default='.png', help=suffix)
    parser.add_argument(
        '--exclude-overlap-with',
        nargs='+',
        type=Path,
        default=[],
        metavar='DIR',
        help='folders of images, with subfolders: leave out salient images '
        'that are copies of these, by their perceptual hashes')
    text = ('images are copies if at most this many of the 256 bits of their '
            'hashes differ (default: %(default)s)')
    parser.add_argument('--max-distance', type=int, default=40, help=text)
    args = parser.parse_args()
    if args.exclude_overlap_with and find_spec('imagehash') is None:
        parser.error('--exclude-overlap-with needs: pip install imagehash')
    return args


def find_targets(folders: Sequence[Path]) -> List[str]:
    """Find the images of folders and their subfolders, sorted."""
    targets = []
    for folder in folders:
        names = folder.is_dir() and sorted(
            scandir(folder, IMAGE_SUFFIXES, True, False))
        if not names:
            raise FileNotFoundError(f'--exclude-overlap-with: {folder} is not '
                                    'a folder of images.')
        targets += [str(folder / name) for name in names]
    return targets


def find_salient(args: argparse.Namespace) -> List[dict]:
    """Pair salient images and masks by the rule of SalientDataset."""
    # Loads PyTorch, which --help does not need.
    from mmboxcaseg.datasets import SalientDataset
    dataset = SalientDataset(
        data_prefix=dict(img=args.images, mask=args.masks),
        seg_map_suffix=args.mask_suffix,
        pipeline=[],
        lazy_init=True)
    return dataset.pair_files()


def count(item: dict) -> int:
    """Count the objects of a salient image; both files are checked."""
    from mmboxcaseg.datasets.salient import count_objects
    header = read_header(item['img_path'])
    code = header_problem(header) or mask_problem(
        header, read_header(item['seg_map_path']))
    if code:
        raise InputError(describe(code))
    return count_objects(item['seg_map_path'])


def hash_image(path: str) -> Tuple[np.ndarray, bool]:
    """Perceptual hash of an image, and whether its file is complete.

    The hash has 256 bits: shape (4, ), uint64.
    """
    import imagehash
    image, complete = load_image(path, 'grayscale')
    bits = imagehash.phash(Image.fromarray(image), hash_size=16).hash
    return np.packbits(bits).view(np.uint64), complete


def find_copies(paths: Dict[str, str], targets: List[str],
                args: argparse.Namespace) -> Dict[str, tuple]:
    """Find the images that are copies of targets.

    Returns by name the nearest target and the number of bits in which their
    hashes differ, () if it is not a copy. Unreadable images are left out.
    """
    print(f'Comparing {len(paths)} images with {len(targets)}')
    tasks = {path: path for path in (*paths.values(), *targets)}
    read = read_all(hash_image, tasks, args)
    cut = [path for path, (_, complete) in read.items() if not complete]
    print_notes({CUT_SHORT: cut})
    targets = [path for path in targets if path in read]
    hashes = [read[path][0] for path in targets]
    others = np.array(hashes, np.uint64).reshape(-1, 4)
    copies = {}
    for name in track([n for n, path in paths.items() if path in read]):
        # Hamming distances to all targets.
        bits = np.bitwise_count(others ^ read[paths[name]][0]).sum(axis=1)
        is_copy = len(bits) > 0 and bits.min() <= args.max_distance
        copies[name] = (targets[bits.argmin()],
                        int(bits.min())) if is_copy else ()
    return copies


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_output(args.out)
    targets = find_targets(args.exclude_overlap_with)
    items = {item['img_id']: item for item in find_salient(args)}
    counts = read_all(count, items, args)
    single = {n: items[n]['img_path'] for n in counts if counts[n] == 1}
    copies = dict.fromkeys(single, ())
    if targets and single:
        copies = find_copies(single, targets, args)
    left_out = dict(
        no_object=[name for name in counts if counts[name] == 0],
        several_objects=[name for name in counts if counts[name] > 1],
        copies={
            n: copy
            for n, copy in copies.items() if copy
        })
    # All others were skipped by read_all() because they are broken.
    known = {*copies, *left_out['no_object'], *left_out['several_objects']}
    broken = [name for name in items if name not in known]
    if broken:
        left_out['broken'] = broken
    print_notes({f'left out, {why}': list(v) for why, v in left_out.items()})
    remain = [name for name, copy in copies.items() if not copy]
    print(f'{len(remain)} of {len(items)} images remain (in the paper, 7991 '
          'of the 10553 of DUTS-TR)')
    if not remain:
        raise InputError(f'{args.masks}: no image is left.')
    record = dict(max_distance=args.max_distance, images=len(items))
    record.update(remain=len(remain), left_out=left_out)
    path = f'{args.out}.left_out.json'
    write_atomically(path, [json.dumps(record, indent=1)])
    write_atomically(args.out, [f'{name}\n' for name in remain])
    print(f'Wrote {args.out} and {path}')


if __name__ == '__main__':
    main()
