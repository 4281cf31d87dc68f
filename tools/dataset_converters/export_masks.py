"""Write the masks of a proxy file for CVAT or Label Studio.

import_masks.py reads them back. See docs/other_tools.md. Example:

    python tools/dataset_converters/export_masks.py --format cvat \\
        proxy.json masks.xml
"""
import argparse
import json
import re
from collections import Counter
from typing import Callable, List
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import Element, indent, tostring

from converting import make_parser, read_proxy

from mmboxcaseg import track
from mmboxcaseg.datasets.coco import (LISTS, CocoBoxes, raise_problems,
                                      write_atomically)
from mmboxcaseg.proxy.cvat import cvat_root, to_cvat
from mmboxcaseg.proxy.label_studio import label_config, to_label_studio
from mmboxcaseg.proxy.options import add_polygon_option
from mmboxcaseg.utils.cli import check_output, exit_on_bad_input


def parse_args() -> argparse.Namespace:
    parser = make_parser(__doc__, skip_broken=False, nproc=False)
    parser.add_argument('--format', choices=WRITERS, required=True)
    parser.add_argument('proxy', help='proxy file')
    parser.add_argument('out', help='file to write: .xml for cvat, else .json')
    parser.add_argument(
        '--image-root',
        default='/data/local-files/?d=',
        metavar='URL',
        help='label-studio: prefix of the image names, to make URLs '
        '(default: %(default)s)')
    add_polygon_option(parser)
    return parser.parse_args()


# Characters that XML cannot hold, also for bytes in names that are no text.
NOT_IN_XML = re.compile(
    '[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')


def check_names(data: dict, path: str) -> None:
    """Refuse names of images and classes that cannot be written as XML."""
    for kind, key in (('image', 'file_name'), ('category', 'name')):
        bad = [e['id'] for e in data[LISTS[kind]] if NOT_IN_XML.search(e[key])]
        text = f'its `{key}` has characters that the other program cannot read'
        raise_problems({text: bad} if bad else {}, kind, path)


def write_xml(path: str, root: Element) -> None:
    """Write an XML file."""
    indent(root)
    write_atomically(path, [tostring(root, encoding='unicode'), '\n'])


def write_cvat(args: argparse.Namespace, coco: CocoBoxes, names: List[str],
               convert: Callable) -> Counter:
    """Write the file; returns the number of shapes by their kind."""
    root = cvat_root(names)
    for i, img in enumerate(track(coco.data['images'])):
        root.append(convert(to_cvat, i, img))
    write_xml(args.out, root)
    return Counter(shape.tag for img in root.iter('image') for shape in img)


def image_url(root: str, name: str) -> str:
    """URL of an image; special characters are quoted for browsers."""
    is_web = urlsplit(root).scheme in ('', 'http', 'https')
    return root + (quote(name) if is_web else name)


def write_label_studio(args: argparse.Namespace, coco: CocoBoxes,
                       names: List[str], convert: Callable) -> Counter:
    """Write tasks and labelling interface; returns the number of regions."""
    tasks = [
        convert(to_label_studio, image_url(args.image_root, img['file_name']),
                img) for img in track(coco.data['images'])
    ]
    write_atomically(args.out, [json.dumps(tasks)])
    write_xml(f'{args.out}.label_config.xml', label_config(names))
    return Counter(region['type'] for task in tasks
                   for region in task['annotations'][0]['result'])


WRITERS = {'cvat': write_cvat, 'label-studio': write_label_studio}


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    coco = read_proxy(args.proxy)
    check_output(args.out)
    check_names(coco.data, args.proxy)
    names = {cat['id']: cat['name'] for cat in coco.data['categories']}

    def convert(function: Callable, where: object, img: dict) -> object:
        return function(where, img, coco.annotations.get(img['id'], []), names,
                        args.polygons)

    counts = WRITERS[args.format](args, coco, list(names.values()), convert)
    shapes = ', '.join(f'{counts[key]} {key}' for key in sorted(counts))
    print(f'\n{args.out}: {shapes}')


if __name__ == '__main__':
    main()
