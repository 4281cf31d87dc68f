"""Generate the toy set: scenes with boxes and masks, and salient images.

It has both kinds of data that BoxCaseg is trained with, and trains in
minutes::

    OUT/{train,val}/*.jpg                 scenes of 3 to 6 objects
    OUT/salient/images/*.jpg              one large object each
    OUT/salient/masks/*.png               its mask, {0, 255}
    OUT/annotations/boxes_train.json      COCO, boxes only
    OUT/annotations/instances_train.json  the same with masks
    OUT/annotations/instances_val.json

The same arguments give the same bytes, for any number of processes. See
docs/quick_start.md. Example:

    python tools/dataset_converters/make_toy.py --out data/toy
"""
import argparse
import json
from functools import partial
from pathlib import Path
from typing import List, Optional

import cv2
from converting import make_parser
from numpy.random import SeedSequence, default_rng
from toy.images import make_salient, make_scene
from toy.shapes import CLASSES
from toy.textures import SIZE

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import (boxes_only, make_annotation, make_coco,
                                      new_folder, write_coco)
from mmboxcaseg.utils.cli import at_least, exit_on_bad_input, run_parallel

# Written to the files. Increase it whenever images or files change.
VERSION = 5
# Number of images by default.
SPLITS = dict(train=400, val=100, salient=200)


def parse_args() -> argparse.Namespace:
    parser = make_parser(__doc__, skip_broken=False)
    text = '(default: %(default)s)'
    parser.add_argument('--out', type=Path, default='data/toy', help=text)
    parser.add_argument('--seed', type=at_least(0), default=0, help=text)
    for split, num in SPLITS.items():
        parser.add_argument(
            f'--num-{split}', type=at_least(1), default=num, help=text)
    return parser.parse_args()


def draw(index: int, folder: Path, seed: int) -> List[dict]:
    """Draw and write an image of a split; returns a scene's annotations."""
    # One generator per image: results do not depend on the processes.
    keys = [seed, [*SPLITS].index(folder.name), index]
    rng = default_rng(SeedSequence(keys))
    if folder.name == 'salient':
        annotations, (image, mask) = [], make_salient(rng)
        files = [('images/{}.jpg', image), ('masks/{}.png', mask)]
    else:
        image, *objects = make_scene(rng)
        annotations = [make_annotation(m, i + 1) for m, i in zip(*objects)]
        files = [('{}.jpg', image)]
    for name, content in files:
        path = str(folder / name.format(f'{index:06d}'))
        if not cv2.imwrite(path, content, [cv2.IMWRITE_JPEG_QUALITY, 95]):
            raise OSError(f'cannot write {path}')
    return annotations


def generate(out: Path, marker: dict, nproc: int) -> None:
    """Write the whole set into an existing folder."""
    for folder in ('train', 'val', 'salient/images', 'salient/masks'):
        (out / folder).mkdir(parents=True)
    info = dict(description='Toy set of mmboxcaseg', generator=marker)
    annotations = out / 'annotations'
    for split in SPLITS:
        write = partial(draw, folder=out / split, seed=marker['seed'])
        scenes = run_parallel(write, range(marker[f'num_{split}']), nproc)
        if split == 'salient':
            continue
        names = [f'{index:06d}.jpg' for index in range(len(scenes))]
        images = [dict(file_name=n, width=SIZE, height=SIZE) for n in names]
        coco = dict(info=info, **make_coco(images, scenes, CLASSES))
        for category in coco['categories']:
            category['supercategory'] = 'shape'
        write_coco(str(annotations / f'instances_{split}.json'), coco)
        if split == 'train':
            write_coco(str(annotations / 'boxes_train.json'), boxes_only(coco))


def read_marker(out: Path) -> Optional[dict]:
    """Read the arguments of the toy set in a folder; None if it is not one."""
    try:
        text = (out / 'annotations/instances_val.json').read_text()
        return json.loads(text)['info']['generator']
    except (OSError, ValueError, KeyError, TypeError):
        return None


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    marker = dict(name='make_toy', version=VERSION, seed=args.seed)
    marker.update({f'num_{s}': getattr(args, f'num_{s}') for s in SPLITS})
    if read_marker(args.out) == marker:
        print(f'{args.out} is complete, nothing to do.')
        return
    if args.out.exists():
        raise InputError(f'{args.out} exists and is not a toy set made with '
                         'these arguments. Remove it, or choose another '
                         '--out.')
    with new_folder(str(args.out)) as folder:
        generate(Path(folder), marker, args.nproc)
    print(f'Wrote {args.out}')


if __name__ == '__main__':
    main()
