"""List the salient images that show one object, as DUTS-Single of DUTS-TR.

An object is an 8-connected component of the pixels brighter than 127; those
under 1 % of these pixels do not count. The list is for `ann_file` of
SalientDataset. See docs/converters.md. Example:

    python tools/dataset_converters/duts_to_single.py \\
        DUTS-TR/DUTS-TR-Image DUTS-TR/DUTS-TR-Mask duts_single.txt \\
        --exclude-overlap-with coco/train2017 coco/val2017
"""
import argparse
import json
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import imagehash
import numpy as np
from mmengine.utils import scandir, track_iter_progress
from PIL import Image

from mmboxcaseg import InputError
from mmboxcaseg.datasets import SalientDataset
from mmboxcaseg.datasets.coco import first_few, read_image, write_atomically
from mmboxcaseg.datasets.salient import IMG_EXTENSIONS, count_objects
from mmboxcaseg.utils.cli import check_output, exit_on_bad_input, run_parallel


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('images', help='folder of the salient images')
    parser.add_argument('masks', help='folder of their masks')
    parser.add_argument('out', help='list (.txt) to write')
    parser.add_argument(
        '--mask-suffix',
        default='.png',
        help='ending of the mask files (default: %(default)s)')
    parser.add_argument(
        '--exclude-overlap-with',
        nargs='+',
        type=Path,
        default=[],
        metavar='DIR',
        help='folders of images, of any depth: leave out salient images '
        'that are copies of these, by their perceptual hashes')
    parser.add_argument(
        '--max-distance',
        type=int,
        default=40,
        help='images are copies if at most so many of the 256 bits of their '
        'hashes differ (default: %(default)s)')
    parser.add_argument(
        '--nproc', type=int, default=2, help='number of processes')
    return parser.parse_args()


def find_targets(folders: Sequence[Path]) -> List[str]:
    """Find the images of folders.

    Args:
        folders (Sequence[Path]): The folders.

    Returns:
        list[str]: Their images, sorted.

    Raises:
        FileNotFoundError: One does not exist or has no image.
    """
    targets = []
    for folder in folders:
        found = folder.is_dir() and sorted(
            scandir(folder, IMG_EXTENSIONS, True, False))
        if not found:
            raise FileNotFoundError(f'--exclude-overlap-with: {folder} is no '
                                    'folder of images.')
        targets += [str(folder / name) for name in found]
    return targets


def hash_image(path: str) -> np.ndarray:
    """Perceptual hash of an image: 256 bits, has shape (4, ), uint64."""
    image = Image.fromarray(read_image(path, 'grayscale'))
    bits = imagehash.phash(image, hash_size=16).hash
    return np.packbits(bits).view(np.uint64)


def find_copies(images: Dict[str, str], targets: List[str], max_distance: int,
                nproc: int) -> Dict[str, Tuple[str, int]]:
    """Find the images that are copies of targets.

    Args:
        images (dict[str, str]): Images by name.
        targets (list[str]): The images to compare them with.
        max_distance (int): How many bits of the hashes of copies differ.
        nproc (int): Number of processes.

    Returns:
        dict[str, tuple]: The nearest target of each copy and its distance.

    Raises:
        InputError: An image cannot be read.
    """
    print(f'Comparing {len(images)} images with {len(targets)}')
    hashes = run_parallel(hash_image, list(images.values()) + targets, nproc)
    others = np.stack(hashes[len(images):])
    copies = {}
    pairs = list(zip(images, hashes))
    for name, own in track_iter_progress(pairs):
        distances = np.bitwise_count(others ^ own).sum(axis=1)
        nearest = int(distances.argmin())
        if distances[nearest] <= max_distance:
            copies[name] = targets[nearest], int(distances[nearest])
    return copies


def run(args: argparse.Namespace) -> None:
    """Write the list and what is not in it, and print how many these are."""
    targets = find_targets(args.exclude_overlap_with)
    dataset = SalientDataset(
        data_prefix=dict(img=args.images, mask=args.masks),
        seg_map_suffix=args.mask_suffix,
        pipeline=[])
    items = {item['img_id']: item for item in dataset}
    masks = [item['seg_map_path'] for item in items.values()]
    counts = dict(zip(items, run_parallel(count_objects, masks, args.nproc)))
    kept = {
        name: items[name]['img_path']
        for name, count in counts.items() if count == 1
    }
    copies = {}
    if targets and kept:
        copies = find_copies(kept, targets, args.max_distance, args.nproc)
    left_out = dict(
        no_object=[name for name, count in counts.items() if not count],
        several_objects=[name for name, count in counts.items() if count > 1],
        copies=copies)
    for reason, names in left_out.items():
        print(f'{len(names)} left out, {reason}: {first_few(list(names))}')
    write(args, sorted(kept.keys() - copies.keys()), len(items), left_out)


def write(args: argparse.Namespace, names: List[str], total: int,
          left_out: dict) -> None:
    """Write both files; the list comes last, and not if it is empty."""
    print(f'{len(names)} of {total} images remain (of the 10553 of DUTS-TR '
          'the paper has 7991)')
    if not names:
        raise InputError(f'{args.masks}: no image is left.')
    record = dict(
        max_distance=args.max_distance,
        images=total,
        remain=len(names),
        left_out=left_out)
    path = f'{args.out}.left_out.json'
    write_atomically(path, [json.dumps(record, indent=1)])
    write_atomically(args.out, [f'{name}\n' for name in names])
    print(f'Wrote {args.out} and {path}')


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_output(args.out)
    run(args)


if __name__ == '__main__':
    main()
