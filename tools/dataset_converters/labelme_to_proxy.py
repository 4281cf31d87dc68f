import argparse
import os.path as osp
from collections import defaultdict
from typing import Dict, List

from mmengine.utils import scandir, track_iter_progress

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (CocoBoxes, file_names, first_few,
                                      load_json)
from mmboxcaseg.proxy import ProxyWriter, check_masks, from_labelme
from mmboxcaseg.proxy.provenance import library_versions
from mmboxcaseg.utils.cli import check_file, exit_on_bad_input


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Take masks that were corrected in labelme back into a '
        'proxy file. They get mask_score 1 and mask_source "human"; all '
        'others stay as they are. See docs/proxy_file.md.')
    parser.add_argument(
        'proxy', help='proxy file that proxy_to_labelme.py exported')
    parser.add_argument('labelme_dir', help='folder of the labelme files')
    parser.add_argument('out', help='proxy file (.json) to write')
    return parser.parse_args()


def read_corrections(coco: CocoBoxes, folder: str) -> Dict[int, List[dict]]:
    """Read all labelme files and print what has no place in a proxy file.

    Args:
        coco (CocoBoxes): The proxy file that was exported.
        folder (str): Folder of the labelme files.

    Returns:
        dict[int, list[dict]]: Records of the corrected masks by image id.

    Raises:
        InputError: A file is broken, or there is none.
    """
    names = file_names(coco.data['images'], '.json', coco.ann_file)
    found = set(scandir(folder, '.json', recursive=True))
    if not found & set(names.values()):
        raise InputError(f'{folder} has no labelme file of an image of '
                         f'{coco.ann_file}, such as {min(names.values())}.')
    labels = {cat['id']: cat['name'] for cat in coco.data['categories']}
    corrections, ignored = {}, defaultdict(list)
    here = [img_id for img_id, name in names.items() if name in found]
    for img_id in track_iter_progress(here):
        path = osp.join(folder, names[img_id])
        corrections[img_id], image_ignored = from_labelme(
            load_json(path), coco.images[img_id],
            coco.annotations.get(img_id, []), labels, path)
        for text, shapes in image_ignored.items():
            ignored[text] += shapes
    print()
    report([name for name in names.values() if name not in found],
           'images have no labelme file and stay as they are')
    report(
        sorted(found - set(names.values())),
        'files left out, they are of no image of the proxy file')
    for text, shapes in ignored.items():
        report(shapes, text)
    return corrections


def report(items: List[str], text: str) -> None:
    """Print how many things something is true of, and which."""
    if items:
        print(f'{len(items)} {text}: {first_few(items)}')


def run(args: argparse.Namespace) -> None:
    """Write the proxy file and print how many masks were corrected."""
    coco = CocoBoxes(args.proxy, img_prefix=None)
    check_masks(coco.data['annotations'], args.proxy)
    corrections = read_corrections(coco, args.labelme_dir)
    provenance = dict(
        mask_source='human',
        versions=library_versions(),
        corrected=(coco.data.get('info') or {}).get('mmboxcaseg'))
    writer = ProxyWriter(args.out, args.proxy, provenance)
    writer.prepare()
    for img_id, records in corrections.items():
        writer.append(0, img_id, records)
    emptied = sum(not record['mask_score'] for records in corrections.values()
                  for record in records)
    print(f'{args.out}: {writer.finish()["instances"]} masks corrected, of '
          f'which {emptied} were emptied')


def main() -> None:
    args = parse_args()
    check_file(args.proxy, 'proxy file')
    with exit_on_bad_input():
        run(args)


if __name__ == '__main__':
    main()
