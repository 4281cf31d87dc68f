from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from label_formats import BOXES, FORMATS, SIZES, to_cvat
from own_data import read_configs, write_own_data
from small_data import SmallData, end_of, printed_by

from mmboxcaseg.datasets.coco import load_coco


@pytest.fixture
def data(tmp_path, tiny_coco, tiny_salient) -> SmallData:
    return SmallData(tmp_path, tiny_coco, tiny_salient)


@pytest.fixture
def checkpoint(build_labeller, tmp_path) -> Path:
    path = tmp_path / 'labeller.pth'
    torch.save(dict(state_dict=build_labeller().state_dict()), path)
    return path


@pytest.fixture
def refused(monkeypatch, capsys):
    """Runs a program that must refuse its input; returns its output."""
    return partial(end_of, monkeypatch, capsys)


@pytest.fixture
def tool(monkeypatch, capsys):
    """Runs a converter and returns what it printed."""
    return lambda name, *argv: printed_by(monkeypatch, capsys,
                                          f'dataset_converters/{name}', *argv)


@pytest.fixture
def tree(tool, tmp_path) -> SimpleNamespace:
    """Writes labels, and runs boxes_to_coco.py on them."""
    images, out = tmp_path / 'images', tmp_path / 'boxes.json'
    for name, (height, width) in SIZES.items():
        (images / name).parent.mkdir(exist_ok=True, parents=True)
        cv2.imwrite(str(images / name), np.zeros((height, width, 3)))

    def write(kind: str) -> Path:
        """Labels of all images; returns their folder or file."""
        labels = tmp_path / 'labels'
        if kind == 'cvat':
            labels.write_text(to_cvat())
            return labels
        make, suffix = FORMATS[kind]
        for name, boxes in BOXES.items():
            path = (labels / name).with_suffix(suffix)
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(make(*SIZES[name], boxes))
        return labels

    def convert(kind: str, *argv) -> tuple:
        """Returns what was printed, and the COCO file."""
        if kind == 'yolo' and '--classes' not in argv:
            (tmp_path / 'names.txt').write_text('dog\ncat\n\n')
            argv += '--classes', tmp_path / 'names.txt'
        printed = tool('boxes_to_coco', '--format', kind, tmp_path / 'labels',
                       images, out, *argv)
        return printed, load_coco(str(out))

    return SimpleNamespace(
        write=write, convert=convert, images=images, out=out)


@pytest.fixture
def own_data(tiny_coco, tiny_salient, rng) -> SimpleNamespace:
    """The input of new_dataset.py."""
    return write_own_data(tiny_coco, tiny_salient, rng)


@pytest.fixture
def run_new_dataset(monkeypatch, capsys):
    """Runs new_dataset.py; returns what it printed."""
    return partial(printed_by, monkeypatch, capsys, 'new_dataset')


@pytest.fixture
def new_configs(run_new_dataset, own_data, tmp_path):
    """Runs new_dataset.py on the small data set; returns what it wrote."""

    def run(*options) -> SimpleNamespace:
        out = tmp_path / 'mine'
        printed = run_new_dataset('--boxes', own_data.boxes, '--images',
                                  own_data.images, '--salient',
                                  *own_data.salient, '--out', out, *options)
        return read_configs(out, printed)

    return run
