"""Import masks that were corrected in labelme.

In the new proxy file they have mask_score 1 and mask_source "human"; all
other masks stay as they are.
See docs/proxy_file.md. Example:

    python tools/dataset_converters/labelme_to_proxy.py \\
        proxy.json labelme corrected.json
"""
import argparse
import os.path as osp
from typing import Dict, List, Tuple

from converting import Notes, correct_masks, make_parser, read_corrected
from mmengine.utils import scandir

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import CocoBoxes, file_names, load_json
from mmboxcaseg.proxy import from_labelme
from mmboxcaseg.utils.cli import exit_on_bad_input


def parse_args() -> argparse.Namespace:
    parser = make_parser(__doc__, nproc=False)
    parser.add_argument(
        'proxy', help='proxy file that proxy_to_labelme.py exported')
    parser.add_argument('labelme', help='folder of the labelme files')
    parser.add_argument('out', help='proxy file (.json) to write')
    return parser.parse_args()


def read_corrections(coco: CocoBoxes,
                     args: argparse.Namespace) -> Dict[int, List[dict]]:
    """Read all labelme files; print what cannot be imported.

    Returns the records of the corrected masks by image id.
    """
    names = file_names(coco.data['images'], '.json', coco.ann_file)
    found = set(scandir(args.labelme, '.json', recursive=True))
    if not found & set(names.values()):
        raise InputError(f'{args.labelme} has no labelme file of an image of '
                         f'{coco.ann_file}, such as {min(names.values())}.')
    labels = {cat['id']: cat['name'] for cat in coco.data['categories']}

    def read(img_id: int) -> Tuple[List[dict], Notes]:
        path = osp.join(args.labelme, names[img_id])
        return from_labelme(
            load_json(path), coco.images[img_id],
            coco.annotations.get(img_id, []), labels, path)

    tasks = {n: img_id for img_id, n in names.items() if n in found}
    notes = {
        'images have no labelme file and stay as they are':
        [name for name in names.values() if name not in found],
        'files left out, because their images are not in the proxy file':
        sorted(found - set(names.values())),
    }
    return read_corrected(read, tasks, notes, args)


@exit_on_bad_input()
def main() -> None:
    correct_masks(parse_args(), read_corrections)


if __name__ == '__main__':
    main()
