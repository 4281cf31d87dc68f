"""Write augmented VOC 2012 (VOC 2012 and SBD) as COCO files.

They are instances_trainaug.json, boxes_trainaug.json and instances_val.json.
An image that VOC segments gets its masks from there, any other from SBD. Void
pixels of VOC (255, the outline of every object) belong to no object. See
docs/converters.md. Example:

    python tools/dataset_converters/voc_to_coco.py \\
        data/voc2012 data/benchmark_RELEASE/dataset
"""
import argparse
import os.path as osp
from collections import Counter
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
from mmdet.datasets import VOCDataset
from PIL import Image, UnidentifiedImageError
from scipy.io import loadmat

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (boxes_only, first_few, make_annotation,
                                      make_coco, read_image, write_coco)
from mmboxcaseg.utils.cli import check_folder, exit_on_bad_input, run_parallel

CLASSES = VOCDataset.METAINFO['classes']
VOID = 255
# Images and, where the paper tells it, instances.
EXPECTED = dict(trainaug=(10582, 25815), val=(1449, None))
NO_CLASS = 'objects left out, most of their pixels have no class'
SEVERAL = 'objects have pixels of several classes, the most frequent counts'
NO_PIXEL = 'objects of SBD left out, they have no pixel'
NO_OBJECT = 'images have no object'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'voc',
        type=Path,
        help='folder of VOC 2012 (VOCdevkit/VOC2012), with JPEGImages, '
        'ImageSets, SegmentationClass and SegmentationObject')
    parser.add_argument(
        'sbd',
        type=Path,
        help='folder `dataset` of SBD, with inst, train.txt and val.txt')
    parser.add_argument(
        '--out-dir',
        type=Path,
        help='folder of the files (default: VOC/annotations)')
    parser.add_argument(
        '--nproc', type=int, default=2, help='number of processes')
    return parser.parse_args()


def find_masks(voc: Path, sbd: Path) -> Dict[str, List[Path]]:
    """Find the instance masks of the images of each split.

    Args:
        voc (Path): Folder of VOC 2012.
        sbd (Path): Folder of SBD.

    Returns:
        dict[str, list[Path]]: PNG or .mat files by split, sorted by name.

    Raises:
        FileNotFoundError: A list, a mask or an image does not exist.
    """
    lists = voc / 'ImageSets' / 'Segmentation'
    require([
        lists / 'train.txt', lists / 'val.txt', sbd / 'train.txt',
        sbd / 'val.txt'
    ])
    train, val = ((lists / f'{name}.txt').read_text().split()
                  for name in ('train', 'val'))
    added = set((sbd / 'train.txt').read_text().split() +
                (sbd / 'val.txt').read_text().split())
    paths = {
        name: sbd / 'inst' / f'{name}.mat'
        for name in added.difference(val)
    }
    of_voc = {
        name: voc / 'SegmentationObject' / f'{name}.png'
        for name in train + val
    }
    paths.update(of_voc)
    splits = dict(
        trainaug=[paths[name] for name in sorted(paths.keys() - set(val))],
        val=[paths[name] for name in sorted(set(val))])
    require([*paths.values(), *map(class_file, of_voc.values())])
    require([voc / 'JPEGImages' / f'{name}.jpg' for name in sorted(paths)])
    return splits


def require(paths: List[Path]) -> None:
    """Raise FileNotFoundError if files are missing, and name some."""
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of {len(paths)} files do not exist: '
            f'{first_few(missing)}. Unpack VOCtrainval_11-May-2012.tar and '
            'benchmark.tgz (SBD) whole, and name VOCdevkit/VOC2012 and '
            'benchmark_RELEASE/dataset.')


def class_file(path: Path) -> Path:
    """SegmentationClass/*.png of a SegmentationObject/*.png."""
    return path.parents[1] / 'SegmentationClass' / path.name


def read_png(path: Path) -> np.ndarray:
    """Read the numbers, shape (H, W), of a palette or grey PNG."""
    try:
        with Image.open(path) as image:
            if image.mode in ('P', 'L'):
                return np.array(image)
            mode = image.mode
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise InputError(f'{path} cannot be read: {error}. Unpack it '
                         'again.') from error
    raise InputError(f'{path} has colours ({mode}), not the numbers of '
                     'objects or classes: take the palette PNG of VOC.')


def read_voc(path: Path) -> Tuple[np.ndarray, Dict[int, int], Counter]:
    """Read the objects of an image from VOC.

    Args:
        path (Path): File in SegmentationObject.

    Returns:
        tuple: Number of the object of each pixel, has shape (H, W); category
        ids, 1 to 20, by these numbers; and what was left out or doubtful.

    Raises:
        InputError: A file is broken.
    """
    objects, classes = read_png(path), read_png(class_file(path))
    if objects.shape != classes.shape:
        raise InputError(f'{path} and {class_file(path)} differ in size: '
                         'unpack them again.')
    categories, counts = {}, Counter()
    for number in np.setdiff1d(objects, [0, VOID]).tolist():
        found, sizes = np.unique(
            classes[objects == number], return_counts=True)
        category = int(found[sizes.argmax()])
        counts[SEVERAL] += len(found) > 1
        if 0 < category <= len(CLASSES):
            categories[number] = category
        else:
            counts[NO_CLASS] += 1
    return objects, categories, counts


def read_sbd(path: Path) -> Tuple[np.ndarray, Dict[int, int], Counter]:
    """Read the objects of an image from SBD; see :func:`read_voc`."""
    try:
        instances = loadmat(path)['GTinst'][0, 0]
        objects = instances['Segmentation']
        listed = instances['Categories'].ravel().astype(int).tolist()
    except Exception as error:  # loadmat raises many kinds
        raise InputError(
            f'{path} is no instance file of SBD ({error}): it has no '
            '`GTinst` with `Segmentation` and `Categories`. Unpack it '
            'again.') from error
    numbers = set(np.unique(objects).tolist()) - {0}
    if max(
            numbers,
            default=0) > len(listed) or not all(0 < category <= len(CLASSES)
                                                for category in listed):
        raise InputError(
            f'{path}: `Segmentation` has the objects {sorted(numbers)} and '
            f'`Categories` says {listed}, where each of them needs a number '
            f'from 1 to {len(CLASSES)}. Unpack it again.')
    categories = {
        number: category
        for number, category in enumerate(listed, start=1) if number in numbers
    }
    return objects, categories, Counter(
        {NO_PIXEL: len(listed) - len(categories)})


def convert(task: Tuple[Path, Path]) -> Tuple[dict, List[dict], Counter]:
    """Convert one image.

    Args:
        task (tuple[Path]): Its masks and the image.

    Returns:
        tuple: Record of the image, its annotations without ids, and what
        was left out or doubtful.

    Raises:
        InputError: A file is broken, or mask and image differ in size.
    """
    path, image = task
    read = read_voc if path.suffix == '.png' else read_sbd
    objects, categories, counts = read(path)
    height, width = read_image(str(image)).shape[:2]
    if objects.shape != (height, width):
        raise InputError(f'{path} is of another size than {image}, which has '
                         f'{width}x{height} pixels. Unpack both again.')
    annotations = [
        make_annotation(objects == number, category)
        for number, category in categories.items()
    ]
    counts[NO_OBJECT] += not annotations
    record = dict(file_name=image.name, width=width, height=height)
    return record, annotations, counts


def convert_split(split: str, paths: List[Path], voc: Path,
                  nproc: int) -> dict:
    """Convert the images of a split and print what became of them."""
    images = [voc / 'JPEGImages' / f'{path.stem}.jpg' for path in paths]
    results = run_parallel(convert, list(zip(paths, images)), nproc)
    records, annotations, counts = zip(*results)
    coco = make_coco(records, annotations, CLASSES)
    print(f'{split}: {len(records)} images, '
          f'{sum(path.suffix == ".mat" for path in paths)} of them with the '
          f'masks of SBD; {len(coco["annotations"])} instances')
    for text, count in sum(counts, Counter()).items():
        print(f'{split}: {count} {text}')
    found = len(records), len(coco['annotations'])
    for what, number, expected in zip(('images', 'instances'), found,
                                      EXPECTED[split]):
        if expected not in (number, None):
            print(f'{split}: {number} {what} differ from the {expected} of '
                  'the paper')
    return coco


def run(args: argparse.Namespace) -> None:
    """Convert both splits and write the three files."""
    out = args.out_dir or args.voc / 'annotations'
    splits = find_masks(args.voc, args.sbd)
    check_folder(out, '--out-dir')
    for split, paths in splits.items():
        coco = convert_split(split, paths, args.voc, args.nproc)
        files = {f'instances_{split}.json': coco}
        if split == 'trainaug':
            files['boxes_trainaug.json'] = boxes_only(coco)
        for name, data in files.items():
            write_coco(osp.join(out, name), data)
            print(f'Wrote {osp.join(out, name)}')


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    run(args)


if __name__ == '__main__':
    main()
