"""Generate the toy set: scenes with boxes and masks, and salient images.

The set has both sides BoxCaseg learns from and trains in minutes::

    OUT/{train,val}/*.jpg                 scenes of 3 to 6 objects
    OUT/salient/images/*.jpg              one large object each
    OUT/salient/masks/*.png               its mask, {0, 255}
    OUT/annotations/boxes_train.json      COCO, boxes only
    OUT/annotations/instances_train.json  the same with masks
    OUT/annotations/instances_val.json

The same arguments give the same bytes, whatever the number of processes.
"""
import argparse
import json
import shutil
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

import cv2
import numpy as np
from mmengine.utils import track_parallel_progress, track_progress
from numpy.random import Generator, SeedSequence, default_rng
from toy_images import make_salient, make_scene
from toy_shapes import CLASSES
from toy_textures import SIZE

from mmboxcaseg.datasets.coco import boxes_only, make_annotation, make_coco
from mmboxcaseg.utils.cli import exit_on_bad_input

# Part of the marker: raise it whenever the images or files change.
VERSION = 5
SPLITS = ('train', 'val', 'salient')
FOLDERS = ('train', 'val', 'salient/images', 'salient/masks', 'annotations')


def generator_of(seed: int, split: str, index: int) -> Generator:
    """Generator of one image, so that the order of drawing is free."""
    return default_rng(SeedSequence([seed, SPLITS.index(split), index]))


def write_image(path: Path, image: np.ndarray) -> None:
    """Write a picture (H, W, 3) as JPEG or a mask (H, W) as PNG."""
    if not cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 95]):
        raise OSError(f'cannot write {path}')


def write_scene(index: int, folder: Path, seed: int) -> List[Dict]:
    """Draw and write scene ``index`` of a split.

    Args:
        index (int): Index of the scene.
        folder (Path): Folder of the images, named as the split.
        seed (int): Seed of the set.

    Returns:
        List[dict]: Its annotations.
    """
    rng = generator_of(seed, folder.name, index)
    image, masks, labels = make_scene(rng)
    write_image(folder / f'{index:06d}.jpg', image)
    return [
        make_annotation(mask, label + 1) for mask, label in zip(masks, labels)
    ]


def write_salient(index: int, folder: Path, seed: int) -> None:
    """Draw and write salient image ``index`` and its mask."""
    image, mask = make_salient(generator_of(seed, folder.name, index))
    write_image(folder / 'images' / f'{index:06d}.jpg', image)
    write_image(folder / 'masks' / f'{index:06d}.png',
                mask.astype(np.uint8) * 255)


def run(write: Callable, num: int, nproc: int) -> List:
    """Call ``write`` for the indices below ``num``, in ``nproc`` processes."""
    if num == 0:
        return []
    # As run_parallel() of mmboxcaseg.utils.cli, which loads all models.
    cv2.setNumThreads(1)
    if nproc == 1:
        results = track_progress(write, range(num))
    else:
        results = track_parallel_progress(
            write, range(num), nproc, chunksize=8)
    print()  # the bar leaves its line open
    return results


def to_coco(scenes: Sequence[List[Dict]], marker: Dict) -> Dict:
    """Join the annotations of each scene into a COCO data set."""
    images = [
        dict(file_name=f'{index:06d}.jpg', width=SIZE, height=SIZE)
        for index in range(len(scenes))
    ]
    coco = make_coco(images, scenes, CLASSES)
    for category in coco['categories']:
        category['supercategory'] = 'shape'
    return dict(
        info=dict(description='Toy set of mmboxcaseg', generator=marker),
        **coco)


def generate(out: Path, marker: Dict, nproc: int) -> None:
    """Write the whole set into the new folder ``out``."""
    for folder in FOLDERS:
        (out / folder).mkdir(parents=True)
    annotations, seed = out / 'annotations', marker['seed']
    for split in ('train', 'val'):
        write = partial(write_scene, folder=out / split, seed=seed)
        scenes = run(write, marker[f'num_{split}'], nproc)
        coco = to_coco(scenes, marker)
        path = annotations / f'instances_{split}.json'
        path.write_text(json.dumps(coco))
        if split == 'train':
            path = annotations / 'boxes_train.json'
            path.write_text(json.dumps(boxes_only(coco)))
    write = partial(write_salient, folder=out / 'salient', seed=seed)
    run(write, marker['num_salient'], nproc)


def read_marker(out: Path) -> Optional[Dict]:
    """Arguments the set in ``out`` was made with, None if it is no toy set."""
    try:
        text = (out / 'annotations' / 'instances_val.json').read_text()
        marker = json.loads(text)['info']['generator']
    except (OSError, ValueError, KeyError, TypeError):
        return None
    is_ours = isinstance(marker, dict) and marker.get('name') == 'make_toy'
    return marker if is_ours else None


def check_out(out: Path, marker: Dict, overwrite: bool) -> bool:
    """Tell whether the set has to be made, or stop if ``out`` is in the way.

    Args:
        out (Path): Folder of the set.
        marker (dict): Arguments of the set that is asked for.
        overwrite (bool): Whether another toy set may be replaced.

    Returns:
        bool: False if ``out`` holds that very set already.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return True
    found = read_marker(out)
    if found is None:
        # Never deleted, not even by --overwrite: it is somebody's data.
        raise SystemExit(f'{out} exists and is no toy set; move it away or '
                         'choose another OUT_DIR.')
    if found == marker and not overwrite:
        return False
    if not overwrite:
        raise SystemExit(f'{out} holds a toy set of other arguments:\n'
                         f'  found {found}\n  asked {marker}\n'
                         'Add --overwrite to replace it.')
    return True


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Generate the toy set')
    parser.add_argument(
        'out_dir',
        nargs='?',
        type=Path,
        default=Path('data/toy'),
        help='folder of the set (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--num-train', type=int, default=400)
    parser.add_argument('--num-val', type=int, default=100)
    parser.add_argument('--num-salient', type=int, default=200)
    parser.add_argument(
        '--nproc', type=int, default=2, help='number of processes')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace a toy set that exists')
    return parser.parse_args()


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    out = args.out_dir.resolve()
    marker = dict(
        name='make_toy',
        version=VERSION,
        seed=args.seed,
        num_train=args.num_train,
        num_val=args.num_val,
        num_salient=args.num_salient)
    if not check_out(out, marker, args.overwrite):
        print(f'{out} is complete, nothing to do.')
        return
    # Made beside its place and renamed, so that OUT_DIR is never half a set.
    tmp = out.with_name(out.name + '.tmp')
    shutil.rmtree(tmp, ignore_errors=True)
    generate(tmp, marker, args.nproc)
    if out.exists():
        shutil.rmtree(out)
    tmp.rename(out)
    print(f'Wrote {out}')


if __name__ == '__main__':
    main()
