"""Import masks that were corrected in CVAT or Label Studio.

In the new proxy file they have mask_score 1 and mask_source "human"; all
other masks stay as they are.
See docs/other_tools.md. Example:

    python tools/dataset_converters/import_masks.py --format cvat \\
        proxy.json annotations.xml corrected.json
"""
import argparse
from pathlib import Path
from typing import Dict, List, Tuple
from xml.etree.ElementTree import Element

from converting import Notes, correct_masks, make_parser, read_corrected
from label_files import check_size, read_cvat_file

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (CocoBoxes, check_file, first_few,
                                      load_json)
from mmboxcaseg.proxy.cvat import from_cvat
from mmboxcaseg.proxy.label_studio import from_label_studio
from mmboxcaseg.proxy.options import add_polygon_option
from mmboxcaseg.utils.cli import exit_on_bad_input

# Nodes or tasks by image id, and names of images that are not in the file.
Found = Tuple[Dict[int, object], List[str]]


def parse_args() -> argparse.Namespace:
    parser = make_parser(__doc__, nproc=False)
    parser.add_argument('--format', choices=READERS, required=True)
    parser.add_argument('proxy', help='proxy file that was exported')
    parser.add_argument(
        'masks',
        help='file of the other program: "CVAT for images 1.1", or '
        'JSON of Label Studio')
    parser.add_argument('out', help='proxy file (.json) to write')
    add_polygon_option(parser)
    return parser.parse_args()


def find_cvat(path: str, coco: CocoBoxes) -> Found:
    """Find the nodes of the images."""
    nodes = read_cvat_file(Path(path))
    ids = {img['file_name']: img_id for img_id, img in coco.images.items()}
    return ({
        ids[n]: node
        for n, node in nodes.items() if n in ids
    }, [name for name in nodes if name not in ids])


def convert_cvat(node: Element, img: dict, *args) -> Tuple[List[dict], Notes]:
    """Check the size of an image, then call from_cvat()."""
    check_size(
        node.get('height'), node.get('width'), (img['height'], img['width']))
    return from_cvat(node, img, *args)


def find_label_studio(path: str, coco: CocoBoxes) -> Found:
    """Find the tasks of the images that have an annotation.

    Label Studio marks the annotation of a skipped task as cancelled; it is
    ignored.
    """
    tasks = load_json(path)
    try:
        for task in tasks:
            task['annotations'] = [
                ann for ann in task['annotations']
                if not ann.get('was_cancelled')
            ]
            regions = [r for ann in task['annotations'] for r in ann['result']]
            if not all(isinstance(region, dict) for region in regions):
                raise TypeError
        found = {task['data'].get('image_id'): task for task in tasks}
        several = [
            str(key) for key, task in found.items()
            if len(task['annotations']) > 1
        ]
    except (AttributeError, KeyError, TypeError):
        raise InputError(f'{path} is not a list of tasks with `data` and '
                         '`annotations`, each with a `result`: export the '
                         'project as JSON.') from None
    if several or len(found) < len(tasks):
        raise InputError(
            f'{path}: {len(tasks) - len(found)} tasks have the same image as '
            f'another task, or no `image_id`; {len(several)} tasks have '
            f'several annotations: image {first_few(several)}. Keep one task '
            'per image and one annotation per task.')
    known = {k: t for k, t in found.items() if k in coco.images}
    annotated = {k: task for k, task in known.items() if task['annotations']}
    return annotated, [str(key) for key in found if key not in known]


READERS = {
    'cvat': (find_cvat, convert_cvat),
    'label-studio': (find_label_studio, from_label_studio)
}


def read_corrections(coco: CocoBoxes,
                     args: argparse.Namespace) -> Dict[int, List[dict]]:
    """Read the masks of all images; print what cannot be imported.

    Returns the records of the corrected masks by image id.
    """
    find, convert = READERS[args.format]
    found, foreign = find(args.masks, coco)
    if not found:
        raise InputError(f'{args.masks} has no image of {args.proxy} with '
                         'annotations. Use the proxy file that was exported.')
    labels = {cat['id']: cat['name'] for cat in coco.data['categories']}

    def read(img_id: int) -> Tuple[List[dict], Notes]:
        return convert(found[img_id], coco.images[img_id],
                       coco.annotations.get(img_id, []), labels, args.polygons)

    tasks = {coco.images[img_id]['file_name']: img_id for img_id in found}
    notes = {
        'images are not in the file and stay as they are': [
            img['file_name'] for key, img in coco.images.items()
            if key not in found
        ],
        'images left out, because they are not in the proxy file':
        foreign,
    }
    return read_corrected(read, tasks, notes, args)


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.masks, f'file of {args.format}')
    correct_masks(args, read_corrections)


if __name__ == '__main__':
    main()
