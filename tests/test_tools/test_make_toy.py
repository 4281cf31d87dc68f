"""make_toy.py: content of the toy set; the same bytes in every run."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict

import cv2
import numpy as np
import pytest
from pycocotools import mask as mask_utils

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools' / 'dataset_converters' / 'make_toy.py'
NUM_TRAIN, NUM_VAL, NUM_SALIENT = 6, 3, 4


def make_toy(out: Path, *argv: str) -> subprocess.CompletedProcess:
    command = [
        sys.executable, TOOL, '--out', out, '--num-train', NUM_TRAIN,
        '--num-val', NUM_VAL, '--num-salient', NUM_SALIENT, *argv
    ]
    return subprocess.run([str(part) for part in command],
                          capture_output=True,
                          text=True)


def read_bytes(out: Path) -> Dict[str, bytes]:
    """Content of every file in ``out``, by its relative path."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob('*')) if path.is_file()
    }


def read_json(toy: Path, name: str) -> Dict:
    return json.loads((toy / 'annotations' / f'{name}.json').read_text())


def masks_of_images(coco: Dict) -> Dict[int, np.ndarray]:
    """Masks by image id, each of shape (N, H, W)."""
    return {
        image['id']:
        np.stack([
            mask_utils.decode(annotation['segmentation'])
            for annotation in coco['annotations']
            if annotation['image_id'] == image['id']
        ])
        for image in coco['images']
    }


@pytest.fixture(scope='module')
def toy(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('make_toy') / 'toy'
    result = make_toy(out)
    assert result.returncode == 0, result.stderr
    return out


def test_layout(toy):
    names = {path.relative_to(toy).as_posix() for path in toy.rglob('*.*')}
    assert names == {
        *(f'train/{i:06d}.jpg' for i in range(NUM_TRAIN)),
        *(f'val/{i:06d}.jpg' for i in range(NUM_VAL)),
        *(f'salient/images/{i:06d}.jpg' for i in range(NUM_SALIENT)),
        *(f'salient/masks/{i:06d}.png' for i in range(NUM_SALIENT)),
        'annotations/boxes_train.json',
        'annotations/instances_train.json',
        'annotations/instances_val.json',
    }
    assert not toy.with_name('toy.tmp').exists()


@pytest.mark.parametrize('split', ['train', 'val'])
def test_all_listed_images_exist(toy, split):
    coco = read_json(toy, f'instances_{split}')
    ids = [image['id'] for image in coco['images']]
    assert ids == list(range(1, len(ids) + 1))
    for image in coco['images']:
        loaded = cv2.imread(str(toy / split / image['file_name']))
        assert loaded.shape == (image['height'], image['width'], 3)


@pytest.mark.parametrize('split', ['train', 'val'])
def test_boxes_are_tight(toy, split):
    coco = read_json(toy, f'instances_{split}')
    ids = [annotation['id'] for annotation in coco['annotations']]
    assert ids == list(range(1, len(ids) + 1))
    for annotation in coco['annotations']:
        assert isinstance(annotation['segmentation']['counts'], str)
        mask = mask_utils.decode(annotation['segmentation'])
        y, x = np.nonzero(mask)
        tight = [
            x.min(),
            y.min(),
            x.max() + 1 - x.min(),
            y.max() + 1 - y.min()
        ]
        assert annotation['bbox'] == tight
        assert annotation['area'] == mask.sum() >= 150
        assert annotation['iscrowd'] == 0


def test_boxes_file_reveals_nothing_about_masks(toy):
    boxes = read_json(toy, 'boxes_train')
    instances = read_json(toy, 'instances_train')
    assert boxes['images'] == instances['images']
    assert boxes['categories'] == instances['categories']
    assert len(boxes['annotations']) == len(instances['annotations'])
    for box, instance in zip(boxes['annotations'], instances['annotations']):
        assert set(box) == set(instance) - {'segmentation'}
        assert box['area'] == box['bbox'][2] * box['bbox'][3]
        for key in ('id', 'image_id', 'category_id', 'bbox', 'iscrowd'):
            assert box[key] == instance[key]


def test_first_scene_stays_the_same(toy):
    """Numbers in the documents were measured on this set."""
    found = [(ann['category_id'], ann['bbox'], ann['area'])
             for ann in read_json(toy, 'instances_train')['annotations']
             if ann['image_id'] == 1]
    assert found == [(2, [13, 24, 70, 71], 2341), (2, [59, 37, 22, 33], 403),
                     (1, [58, 94, 45, 45], 912), (1, [129, 84, 28, 26], 346),
                     (3, [44, 0, 31, 44], 894)]


def test_masks_of_one_image_are_disjoint(toy):
    masks_by_id = masks_of_images(read_json(toy, 'instances_train'))
    assert len(masks_by_id) == NUM_TRAIN
    for masks in masks_by_id.values():
        assert 3 <= len(masks) <= 6
        assert masks.sum(axis=0).max() == 1


def test_all_classes_occur(toy):
    coco = read_json(toy, 'instances_train')
    assert len(coco['categories']) == 4
    listed = {category['id'] for category in coco['categories']}
    used = {annotation['category_id'] for annotation in coco['annotations']}
    assert used == listed


def test_salient_masks_are_binary_and_connected(toy):
    for path in sorted((toy / 'salient' / 'masks').iterdir()):
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (160, 160) and mask.dtype == np.uint8
        assert set(np.unique(mask)) == {0, 255}
        labels, _ = cv2.connectedComponents(mask)
        assert labels == 2  # the background is one of them


def test_same_seed_same_bytes(toy, tmp_path):
    # Neither the number of processes nor the drawing order matters.
    result = make_toy(tmp_path / 'again', '--nproc', '1')
    assert result.returncode == 0, result.stderr
    assert read_bytes(tmp_path / 'again') == read_bytes(toy)


def test_other_seed_other_bytes(toy, tmp_path):
    make_toy(tmp_path / 'other', '--seed', '1')
    ours, other = read_bytes(toy), read_bytes(tmp_path / 'other')
    assert ours.keys() == other.keys()
    assert all(ours[name] != other[name] for name in ours)


def test_second_run_does_nothing(toy):
    before = {path: path.stat().st_mtime_ns for path in toy.rglob('*')}
    result = make_toy(toy)
    assert result.returncode == 0
    assert 'nothing to do' in result.stdout
    assert before == {path: path.stat().st_mtime_ns for path in toy.rglob('*')}


def test_other_toy_set_is_kept(toy):
    before = read_bytes(toy)
    result = make_toy(toy, '--seed', '1')
    assert result.returncode == 1
    assert 'Remove it, or choose another --out' in result.stderr
    assert read_bytes(toy) == before


def test_foreign_folder_is_kept(tmp_path):
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'photos' / 'holiday.jpg').write_text('dear')
    result = make_toy(tmp_path / 'photos')
    assert result.returncode == 1
    assert 'is not a toy set' in result.stderr
    assert (tmp_path / 'photos' / 'holiday.jpg').read_text() == 'dear'


def test_empty_split_is_refused(tmp_path):
    result = make_toy(tmp_path / 'toy', '--num-val', '0')
    assert result.returncode == 2 and 'is not positive' in result.stderr


def test_leftover_of_an_interrupted_run(tmp_path):
    leftover = tmp_path / 'toy.tmp' / 'train'
    leftover.mkdir(parents=True)
    (leftover / 'half.jpg').write_text('half')
    result = make_toy(tmp_path / 'toy', '--nproc', '1')
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / 'toy' / 'train' / 'half.jpg').exists()
    assert not (tmp_path / 'toy.tmp').exists()


def test_interrupted(tmp_path):
    """Ctrl-C ends all processes, without a traceback, and leaves nothing."""
    process = subprocess.Popen(
        # So many that a slow machine is not finished before the signal.
        [
            sys.executable, TOOL, '--out', tmp_path / 'toy', '--num-train',
            '5000'
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Tests that run in the background would pass on an ignored signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        start_new_session=True,
        text=True)
    while not list(tmp_path.glob('toy.tmp/train/*.jpg')):
        assert process.poll() is None
        time.sleep(.1)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert 'Interrupted' in errors and 'Traceback' not in errors
    assert not list(tmp_path.iterdir())
