"""Write augmented VOC 2012 (VOC 2012 and SBD) as COCO files.

Writes instances_trainaug.json, boxes_trainaug.json and instances_val.json.
Masks come from VOC if it segments the image, otherwise from SBD. Void pixels
of VOC (255, the outline of every object) belong to no object. See
docs/converters.md. Example:

    python tools/dataset_converters/voc_to_coco.py \\
        data/voc2012 data/benchmark_RELEASE/dataset
"""
import argparse
from collections import Counter
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
from converting import CUT_SHORT, make_parser, print_notes, read_all
from label_files import read_text
from PIL import Image, UnidentifiedImageError
from scipy.io import loadmat

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (boxes_only, first_few, load_image,
                                      make_annotation, make_coco, write_coco)
from mmboxcaseg.utils.cli import check_folder, exit_on_bad_input

# In the order of VOC's class numbers, which count from 1.
CLASSES = ('aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car',
           'cat', 'chair', 'cow', 'diningtable', 'dog', 'horse', 'motorbike',
           'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor')
VOID = 255
# Numbers in the paper, which does not count the annotations of val.
EXPECTED = dict(
    trainaug=dict(images=10582, annotations=25815), val=dict(images=1449))
NO_CLASS = 'objects left out, because most of their pixels have no class'
SEVERAL = 'objects have pixels of several classes; the most frequent is used'
NO_PIXEL = 'objects of SBD left out, because they have no pixel'
NO_OBJECT = 'images have no object'


def parse_args() -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.add_argument(
        'voc',
        type=Path,
        help='folder of VOC 2012 (VOCdevkit/VOC2012), with JPEGImages, '
        'ImageSets, SegmentationClass and SegmentationObject')
    sbd = 'folder `dataset` of SBD, with inst, train.txt and val.txt'
    parser.add_argument('sbd', type=Path, help=sbd)
    out = 'folder of the files (default: VOC/annotations)'
    parser.add_argument('--out', type=Path, help=out)
    return parser.parse_args()


def find_masks(voc: Path, sbd: Path) -> Dict[str, List[Path]]:
    """Find the masks (PNG or .mat) of the images of each split, sorted.

    Raises FileNotFoundError if a list, a mask or an image does not exist,
    InputError if a list is not UTF-8 text.
    """
    lists = [
        folder / f'{split}.txt'
        for folder in (voc / 'ImageSets' / 'Segmentation', sbd)
        for split in ('train', 'val')
    ]
    require(lists)
    train, val, *added = (set(read_text(path).split()) for path in lists)
    others = set.union(*added) - train - val
    of_voc = [voc / 'SegmentationObject' / f'{n}.png' for n in train | val]
    of_sbd = [sbd / 'inst' / f'{n}.mat' for n in others]
    paths = sorted([*of_voc, *of_sbd], key=lambda path: path.stem)
    images = [voc / 'JPEGImages' / f'{path.stem}.jpg' for path in paths]
    require([*paths, *map(class_file, of_voc), *images])
    return dict(
        trainaug=[path for path in paths if path.stem not in val],
        val=[path for path in paths if path.stem in val])


def require(paths: List[Path]) -> None:
    """Raise FileNotFoundError if files are missing; name some of them."""
    missing = sorted(path for path in paths if not path.is_file())
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of {len(paths)} files do not exist: '
            f'{first_few(missing)}. Unpack VOCtrainval_11-May-2012.tar and '
            'benchmark.tgz (SBD) completely, and name VOCdevkit/VOC2012 and '
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
                     'objects or classes: use the palette PNG of VOC.')


def read_voc(path: Path) -> Tuple[np.ndarray, Dict[int, int], Counter]:
    """Read the objects of an image from VOC (SegmentationObject).

    Returns:
        tuple: Number of the object of each pixel, has shape (H, W); category
        ids, 1 to 20, by these numbers; and what was left out or is doubtful.
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
        listed = instances['Categories'].ravel().tolist()
    except Exception as error:  # loadmat raises many kinds
        raise InputError(
            f'{path} is not an instance file of SBD ({error}): it has no '
            '`GTinst` with `Segmentation` and `Categories`. Unpack it '
            'again.') from error
    numbers = set(np.unique(objects).tolist()) - {0}
    known = range(1, len(CLASSES) + 1)
    if max(numbers, default=0) > len(listed) or not set(listed) <= set(known):
        raise InputError(
            f'{path}: `Segmentation` has the objects {sorted(numbers)} and '
            f'`Categories` says {listed}, but each object needs a number '
            f'from 1 to {len(CLASSES)}. Unpack it again.')
    categories = {
        number: int(category)
        for number, category in enumerate(listed, start=1) if number in numbers
    }
    return objects, categories, Counter(
        {NO_PIXEL: len(listed) - len(categories)})


def convert(task: Tuple[Path, Path]) -> Tuple[dict, List[dict], Counter]:
    """Convert an image, given the path of its masks and its own path.

    Returns its record, its annotations without ids, and what was left out or
    is doubtful.
    """
    path, image_path = task
    read = read_voc if path.suffix == '.png' else read_sbd
    objects, categories, counts = read(path)
    image, complete = load_image(str(image_path))
    height, width = image.shape[:2]
    if objects.shape != (height, width):
        raise InputError(f'{path} and {image_path} differ in size; the image '
                         f'has {width}x{height} pixels. Unpack both again.')
    annotations = [
        make_annotation(objects == number, category)
        for number, category in categories.items()
    ]
    counts[NO_OBJECT] += not annotations
    counts[CUT_SHORT] += not complete
    record = dict(file_name=image_path.name, width=width, height=height)
    return record, annotations, counts


def convert_split(split: str, paths: List[Path],
                  args: argparse.Namespace) -> dict:
    """Convert the images of a split; print what was left out or doubtful."""
    folder = args.voc / 'JPEGImages'
    tasks = {path.stem: (path, folder / f'{path.stem}.jpg') for path in paths}
    results = read_all(convert, tasks, args)
    if not results:
        raise InputError(f'{split}: no image is left.')
    records, annotations, counts = zip(*results.values())
    coco = make_coco(records, annotations, CLASSES)
    of_sbd = sum(tasks[name][0].suffix == '.mat' for name in results)
    print(f'{split}: {len(records)} images, {of_sbd} of them with the masks '
          f'of SBD; {len(coco["annotations"])} annotations')
    notes = {
        text: [img['file_name'] for img, c in zip(records, counts)
               for _ in range(c[text])]
        for text in (NO_CLASS, SEVERAL, NO_PIXEL, NO_OBJECT, CUT_SHORT)
    }  # yapf: disable
    print_notes(notes, f'{split}: ')
    for what, expected in EXPECTED[split].items():
        if len(coco[what]) != expected:
            print(f'{split}: {len(coco[what])} {what} differ from the '
                  f'{expected} of the paper')
    return coco


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    out = args.out or args.voc / 'annotations'
    splits = find_masks(args.voc, args.sbd)
    check_folder(out, '--out')
    for split, paths in splits.items():
        coco = convert_split(split, paths, args)
        files = {f'instances_{split}.json': coco}
        if split == 'trainaug':
            files['boxes_trainaug.json'] = boxes_only(coco)
        for name, data in files.items():
            write_coco(str(out / name), data)
            print(f'Wrote {out / name}')


if __name__ == '__main__':
    main()
