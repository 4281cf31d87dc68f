"""Write the boxes of other annotation tools as a COCO file.

Label files and images are matched by their names. See docs/converters.md.
Example:

    python tools/dataset_converters/boxes_to_coco.py --format yolo \\
        --classes data.yaml labels/train images/train boxes_train.json
"""
import argparse
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, Tuple

from converting import (CUT_SHORT, Notes, check_broken, clip_box, make_parser,
                        print_notes, read_all)
from label_files import (READERS, SUFFIXES, Item, Label, read_classes,
                         read_cvat_file)
from mmengine.utils import scandir

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (IMAGE_SUFFIXES, check_file, first_few,
                                      load_image, make_coco, write_coco)
from mmboxcaseg.utils.cli import check_output, exit_on_bad_input


def parse_args() -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.add_argument('--format', choices=tuple(READERS), required=True)
    parser.add_argument(
        'labels', type=Path, help='folder of labels; for cvat the XML file')
    parser.add_argument('images', type=Path, help='folder of the images')
    parser.add_argument('out', help='COCO file (.json) to write')
    text = ('class names in their order: data.yaml of YOLO, or a text file, '
            'one name per line. Required for yolo; for other formats, the '
            'default is all classes that occur, sorted')
    parser.add_argument('--classes', type=Path, help=text)
    text = ('voc: use the corners as they are. By default pixels count from 1 '
            'and the last pixel is inside the box, as in Pascal VOC')
    parser.add_argument('--zero-based', action='store_true', help=text)
    args = parser.parse_args()
    if args.format == 'yolo' and args.classes is None:
        parser.error('--format yolo needs --classes')
    if args.zero_based and args.format != 'voc':
        parser.error('--zero-based is for --format voc')
    return args


def check_arguments(args: argparse.Namespace) -> None:
    """Check that all inputs exist and OUT can be written."""
    if args.classes is not None:
        check_file(str(args.classes), '--classes')
    check_output(args.out)
    folders = [args.labels, args.images]
    if args.format == 'cvat':
        check_file(str(folders.pop(0)), 'CVAT file')
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        raise FileNotFoundError(f'not a folder: {", ".join(missing)}. Name '
                                'the labels first, then the images.')


def find_labels(args: argparse.Namespace) -> Dict[str, object]:
    """Find all label files, or nodes of CVAT, by the name of the image.

    The names may have the suffix of the image, or none.
    """
    if args.format == 'cvat':
        return read_cvat_file(args.labels)
    suffix = SUFFIXES[args.format]
    names = scandir(args.labels, suffix, recursive=True, case_sensitive=False)
    labels = {name[:-len(suffix)]: args.labels / name for name in names}
    if args.classes is not None:
        # Some programs store the class names next to the label files.
        classes = args.classes.resolve()
        labels = {k: v for k, v in labels.items() if v.resolve() != classes}
    if not labels:
        raise InputError(f'{args.labels} has no {suffix} file: name the '
                         'folder of the labels, and their --format.')
    return labels


def stem(name: str) -> str:
    """Name of an image without its suffix."""
    path = Path(name)
    is_image = path.suffix.lower() in IMAGE_SUFFIXES
    return str(path.with_suffix('')) if is_image else name


def find_images(args: argparse.Namespace,
                labels: Dict[str, object]) -> Dict[str, Tuple[str, object]]:
    """Find the image of all labels; print how many images have none.

    Returns pairs of an image (relative to its folder) and its labels, by
    image, sorted. Labels without an image count as broken.
    """
    images = defaultdict(list)
    for name in scandir(args.images, IMAGE_SUFFIXES, True, False):
        images[stem(name)].append(name)
    found = {}
    for key in labels:
        names = images.get(stem(key), [])
        if stem(key) != key:  # it has a suffix, in any case
            exact = [name for name in names if name == key]
            names = exact or [n for n in names if n.lower() == key.lower()]
        found[key] = names
    text = f'{args.images} has no such image (is this the right folder?)'
    lost = {key: text for key in sorted(found) if not found[key]}
    check_broken(lost, len(labels), args.skip_broken)
    double = [names for _, names in sorted(found.items()) if len(names) > 1]
    pairs = [(names[0], labels[key]) for key, names in found.items() if names]
    uses = Counter(name for name, _ in pairs)
    double += [name for name, count in uses.items() if count > 1]
    if double:
        raise InputError(
            f'{args.images} has several images for one label file, or one '
            f'image for several: {first_few(double)}. Remove the surplus '
            'files.')
    total = sum(map(len, images.values()))
    if len(pairs) < total:
        print(f'{total - len(pairs)} of {total} images left out: they have no '
              'label file')
    return {pair[0]: pair for pair in sorted(pairs)}


def read_labels(pair: Tuple[str, object], folder: Path,
                reader: Callable) -> Tuple[dict, List[Item], bool]:
    """Read an image's record and labels, and whether its file is complete."""
    image, complete = load_image(str(folder / pair[0]))
    height, width = image.shape[:2]
    record = dict(file_name=pair[0], width=width, height=height)
    return record, reader(pair[1], (height, width)), complete


def number_classes(args: argparse.Namespace, found: Dict[Label, str]) \
        -> Tuple[List[str], Dict[Label, int]]:
    """Choose the categories of the COCO file.

    ``found`` maps each class of the labels to the place of its first box.
    Returns the class names in the order of their ids; and the ids, from 1, by
    the class in the labels.
    """
    names = read_classes(args.classes) if args.classes else sorted(found)
    # YOLO labels contain class numbers from 0, the others class names.
    called = range(len(names)) if args.format == 'yolo' else names
    ids = {label: i for i, label in enumerate(called, start=1)}
    unknown = sorted(found.keys() - ids.keys())
    if unknown:
        places = [f'{label} ({found[label]})' for label in unknown]
        raise InputError(f'{args.classes} names {len(names)} classes; the '
                         f'labels also have {first_few(places)}. Add them, or '
                         'correct the labels.')
    return names, ids


def annotate(img: dict, items: List[Item], ids: dict,
             notes: Notes) -> List[dict]:
    """Turn the labels of an image into annotations for :func:`make_coco`.

    ``ids`` are the category ids by class. Adds to ``notes``.
    """
    annotations = []
    for item in items:
        box, note = None, item.left_out
        if not note:
            box, note = clip_box(item.box, img['width'], img['height'])
        if note:
            place = f'{img["file_name"]} {item.name}'
            notes[f'objects {note}'].append(place)
        if box is None:
            continue
        # The six digits of YOLO are exact to about 0.01 pixels, and this way
        # integer corners become integers again.
        x0, y0, x1, y1 = (round(value, 2) for value in box)
        w, h = round(x1 - x0, 2), round(y1 - y0, 2)
        box, category = [x0, y0, w, h], ids[item.label]
        annotations.append(
            dict(category_id=category, bbox=box, area=w * h, iscrowd=0))
    return annotations


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_arguments(args)
    reader = READERS[args.format]
    if args.format == 'voc':
        reader = partial(reader, zero_based=args.zero_based)
    read = partial(read_labels, folder=args.images, reader=reader)
    results = read_all(read, find_images(args, find_labels(args)), args)
    found: Dict[Label, str] = {}
    for name, (_, items, _) in results.items():
        for item in items:
            if not item.left_out:
                found.setdefault(item.label, f'{name} {item.name}')
    names, ids = number_classes(args, found)
    notes: Notes = defaultdict(list)
    images = [img for img, _, _ in results.values()]
    annotations = [
        annotate(img, items, ids, notes) for img, items, _ in results.values()
    ]
    notes[CUT_SHORT] = [n for n, (_, _, whole) in results.items() if not whole]
    print_notes(notes)
    coco = make_coco(images, annotations, names)
    write_coco(args.out, coco)
    print(f'{args.out}: {len(coco["annotations"])} boxes of {len(names)} '
          f'classes in {len(images)} images')


if __name__ == '__main__':
    main()
