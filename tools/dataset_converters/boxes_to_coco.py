"""Write the boxes of other annotation programs as a COCO file.

Label files and images belong together by their names. See docs/converters.md.
Example:

    python tools/dataset_converters/boxes_to_coco.py --format yolo \\
        --classes data.yaml labels/train images/train boxes_train.json
"""
import argparse
from collections import defaultdict
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

import numpy as np
from label_files import (Labels, Size, read_classes, read_cvat, read_cvat_file,
                         read_labelme, read_voc, read_yolo)
from mmengine.utils import scandir

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (first_few, make_coco, read_image,
                                      write_coco)
from mmboxcaseg.datasets.salient import IMG_EXTENSIONS
from mmboxcaseg.utils.cli import (check_file, check_output, exit_on_bad_input,
                                  run_parallel)

SUFFIXES = dict(yolo='.txt', labelme='.json', voc='.xml')
READERS = dict(
    yolo=read_yolo, labelme=read_labelme, voc=read_voc, cvat=read_cvat)
NO_AREA = 'box without area, with swapped corners or NaN'
OUTSIDE = 'box outside its image'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--format', choices=tuple(READERS), required=True)
    parser.add_argument(
        'labels',
        type=Path,
        help='folder of the label files; for cvat the XML file')
    parser.add_argument('images', type=Path, help='folder of the images')
    parser.add_argument('out', help='COCO file (.json) to write')
    parser.add_argument(
        '--classes',
        type=Path,
        help='names of the classes in their order: data.yaml of YOLO, or a '
        'text file of one a line. yolo needs it; for the others the default '
        'is what occurs, sorted')
    parser.add_argument(
        '--zero-based',
        action='store_true',
        help='voc: take the corners as they are. By default pixels count '
        'from 1 and the last one is inside, as in Pascal VOC')
    parser.add_argument(
        '--nproc', type=int, default=2, help='number of processes')
    args = parser.parse_args()
    if args.format == 'yolo' and args.classes is None:
        parser.error('--format yolo needs --classes')
    if args.zero_based and args.format != 'voc':
        parser.error('--zero-based is of --format voc')
    return args


def find_labels(args: argparse.Namespace) -> Dict[str, object]:
    """Find what holds the labels of each image.

    Args:
        args (argparse.Namespace): Arguments of the tool.

    Returns:
        dict[str, object]: Nodes of CVAT by file name of the image; label
        files by their name without suffix, which is that of the image.

    Raises:
        FileNotFoundError: The folder or file does not exist.
        InputError: It is broken, or has no label file.
    """
    if args.format == 'cvat':
        check_file(str(args.labels), 'file of CVAT')
        return read_cvat_file(args.labels)
    check_folder(args.labels)
    suffix = SUFFIXES[args.format]
    paths = [args.labels / name for name in scandir(args.labels, suffix, True)]
    # Some programs keep the class names beside the label files.
    labels = {
        str(path.relative_to(args.labels).with_suffix('')): path
        for path in paths
        if args.classes is None or path.resolve() != args.classes.resolve()
    }
    if not labels:
        raise InputError(f'{args.labels} has no {suffix} file: name the '
                         'folder of the labels, and their --format.')
    return labels


def check_folder(path: Path) -> None:
    """Raise FileNotFoundError if a folder does not exist."""
    if not path.is_dir():
        raise FileNotFoundError(f'{path} is no folder. Name that of the '
                                'images, and that of their labels.')


def find_images(args: argparse.Namespace,
                labels: Dict[str, object]) -> List[Tuple[str, object]]:
    """Find the image of all labels; print how many images have none.

    Args:
        args (argparse.Namespace): Arguments of the tool.
        labels (dict[str, object]): See :func:`find_labels`.

    Returns:
        list[tuple]: Images, relative to their folder and sorted, each with
        its labels.

    Raises:
        FileNotFoundError: The folder does not exist, or labels have no image.
        InputError: Labels have two images.
    """
    check_folder(args.images)
    images = defaultdict(list)
    for name in scandir(args.images, IMG_EXTENSIONS, True, False):
        path = Path(name)
        key = path if args.format == 'cvat' else path.with_suffix('')
        images[str(key)].append(name)
    lost = sorted(labels.keys() - images.keys())
    if lost:
        raise FileNotFoundError(
            f'{len(lost)} of {len(labels)} label files have no image in '
            f'{args.images}: {first_few(lost)}. Name the right folders, '
            'add these '
            'images, or remove their labels.')
    double = [images[key] for key in sorted(labels) if len(images[key]) > 1]
    if double:
        raise InputError(f'{args.images} has several images for one label '
                         f'file: {first_few(double)}. Remove one of them.')
    if len(labels) < len(images):
        print(f'{len(images) - len(labels)} of {len(images)} images left out: '
              'they have no label file')
    pairs = [(images[key][0], value) for key, value in labels.items()]
    return sorted(pairs, key=itemgetter(0))


def read_labels(pair: Tuple[str, object], folder: Path,
                reader: Callable) -> Tuple[Optional[Size], object]:
    """Read an image's size and labels; of broken ones None and the error."""
    try:
        size = read_image(str(folder / pair[0])).shape[:2]
        return size, reader(pair[1], size)
    except ValueError as error:
        return None, f'  {pair[0]}: {error}'


def read_all(args: argparse.Namespace) -> Tuple[List[dict], List[Labels]]:
    """Read all images and their labels.

    Args:
        args (argparse.Namespace): Arguments of the tool.

    Returns:
        tuple: Records of the images for a COCO file, and their labels.

    Raises:
        FileNotFoundError: Folders or images do not exist.
        InputError: Files are broken.
    """
    pairs = find_images(args, find_labels(args))
    reader = READERS[args.format]
    if args.format == 'voc':
        reader = partial(reader, zero_based=args.zero_based)
    read = partial(read_labels, folder=args.images, reader=reader)
    results = run_parallel(read, pairs, args.nproc)
    errors = [labels for size, labels in results if size is None]
    if errors:
        raise InputError(
            f'{len(errors)} of {len(pairs)} images or their labels cannot be '
            'used. Correct or remove them. The first are\n' +
            '\n'.join(errors[:5]))
    images = [
        dict(file_name=name, width=size[1], height=size[0])
        for (name, _), (size, _) in zip(pairs, results)
    ]
    return images, [labels for _, labels in results]


def number_classes(args: argparse.Namespace,
                   found: Dict[str, str]) -> Tuple[List[str], Dict[str, int]]:
    """Choose the categories of the COCO file.

    Args:
        args (argparse.Namespace): Arguments of the tool.
        found (dict[str, str]): The classes of all boxes, as the labels name
            them, and where the first box of each is.

    Returns:
        tuple: Class names in the order of their ids; and ids, from 1, by
        what the labels call a class.

    Raises:
        InputError: ``--classes`` lacks some.
    """
    names = sorted(set(found)) if args.classes is None else read_classes(
        args.classes)
    called = names if args.format != 'yolo' else map(str, range(len(names)))
    ids = {label: i for i, label in enumerate(called, start=1)}
    unknown = sorted(set(found) - ids.keys())
    if unknown:
        places = [f'{label} ({found[label]})' for label in unknown]
        raise InputError(f'{args.classes} names {len(names)} classes; the '
                         f'labels also have {first_few(places)}. Add them, or '
                         'correct the labels.')
    return names, ids


def clip_box(box: List[float], img: dict) -> List[float]:
    """Clip a box to its image.

    Args:
        box (list[float]): Box in pixels, xyxy.
        img (dict): Record of the image.

    Returns:
        list[float]: The box, xyxy, rounded to hundredths: six digits of YOLO
        do not tell more, and a box that was whole pixels is so again.
    """
    limit = [img['width'], img['height']] * 2
    return np.clip(box, 0, limit).round(2).tolist()


def annotate(img: dict, labels: Labels, ids: Dict[str, int],
             notes: Dict[str, List[str]]) -> List[dict]:
    """Turn the labels of an image into annotations without ids.

    Args:
        img (dict): Record of the image.
        labels (Labels): Its labels.
        ids (dict[str, int]): Category ids by class.
        notes (dict[str, list[str]]): Gets the names of what is left out or
            changed, by reason.

    Returns:
        list[dict]: Annotations for :func:`make_coco`.
    """
    for reason, names in labels.left_out.items():
        notes[f'left out: {reason}'] += [
            f'{img["file_name"]} {name}' for name in names
        ]
    annotations = []
    for label, box, name in labels.boxes:
        name = f'{img["file_name"]} {name}'
        x0, y0, x1, y1 = clipped = clip_box(box, img)
        if not (box[0] < box[2] and box[1] < box[3]):
            notes[f'left out: {NO_AREA}'].append(name)
            continue
        if x0 >= x1 or y0 >= y1:
            notes[f'left out: {OUTSIDE}'].append(name)
            continue
        if clipped != np.round(box, 2).tolist():
            notes['clipped: box that leaves its image'].append(name)
        w, h = round(x1 - x0, 2), round(y1 - y0, 2)
        annotations.append(
            dict(
                category_id=ids[label],
                bbox=[x0, y0, w, h],
                area=w * h,
                iscrowd=0))
    return annotations


def run(args: argparse.Namespace) -> None:
    """Write the file and print what was left out or changed."""
    images, labels = read_all(args)
    found: Dict[str, str] = {}
    for img, of_image in zip(images, labels):
        for label, _, name in of_image.boxes:
            found.setdefault(label, f'{img["file_name"]} {name}')
    names, ids = number_classes(args, found)
    notes: Dict[str, List[str]] = defaultdict(list)
    annotations = [
        annotate(img, of_image, ids, notes)
        for img, of_image in zip(images, labels)
    ]
    for text, where in notes.items():
        print(f'{len(where)} objects {text}: {first_few(where)}')
    coco = make_coco(images, annotations, names)
    write_coco(args.out, coco)
    print(f'{args.out}: {len(coco["annotations"])} boxes of {len(names)} '
          f'classes in {len(images)} images')


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    if args.classes is not None:
        check_file(str(args.classes), '--classes')
    check_output(args.out)
    run(args)


if __name__ == '__main__':
    main()
