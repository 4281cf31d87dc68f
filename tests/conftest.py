import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import settings
from mmengine.config import Config
from mmengine.logging import MMLogger
from torch import nn

from mmboxcaseg.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]

# Tiny tensors: more threads only get in each other's way.
torch.set_num_threads(1)

# The same examples in every run, and however busy the machine is.
settings.register_profile('mmboxcaseg', derandomize=True, deadline=None)
settings.load_profile('mmboxcaseg')


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def log(caplog):
    """What is printed through MMEngine's logger; see ``log.messages``."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def _tiny_coco_data() -> dict:
    images = [
        dict(id=7, file_name='a.png', height=40, width=50),
        dict(id=2, file_name='b.png', height=48, width=32),
        dict(id=4, file_name='c.png', height=30, width=30),
    ]
    columns = ('id', 'image_id', 'category_id', 'bbox', 'iscrowd')
    rows = [
        (11, 7, 3, [5, 6, 20, 15], 0),
        (5, 7, 1, [2.5, 3.25, 30, 30.5], 0),
        (8, 2, 3, [0, 0, 32, 48], 0),
        (9, 2, 1, [4, 4, 10, 10], 1),
        (3, 4, 1, [10, 10, 5, 6], 0),
    ]
    annotations = [dict(zip(columns, row)) for row in rows]
    for ann in annotations:
        ann['area'] = ann['bbox'][2] * ann['bbox'][3]
    categories = [dict(id=3, name='cat'), dict(id=1, name='dog')]
    return dict(images=images, annotations=annotations, categories=categories)


@pytest.fixture
def tiny_coco(tmp_path, rng):
    """Writes a COCO file of boxes and its images.

    ``edit`` may change the JSON content before it is written. Returns the
    arguments of a dataset.
    """

    def write(edit=lambda data: None) -> dict:
        data = _tiny_coco_data()
        folder = tmp_path / 'images'
        folder.mkdir(exist_ok=True)
        for img in data['images']:
            pixels = rng.integers(0, 256, (img['height'], img['width'], 3))
            cv2.imwrite(str(folder / img['file_name']), pixels)
        edit(data)
        ann_file = tmp_path / 'boxes.json'
        ann_file.write_text(json.dumps(data))
        return dict(ann_file=str(ann_file), data_prefix=dict(img=str(folder)))

    return write


@pytest.fixture
def tiny_salient(tmp_path, rng):
    """Writes salient images and masks; returns the dataset's arguments."""

    def write(images=('one', 'two'), masks=('one', 'two')) -> dict:
        prefix = {}
        for key, stems in dict(img=images, mask=masks).items():
            folder = tmp_path / f'salient_{key}'
            folder.mkdir(exist_ok=True)
            prefix[key] = str(folder)
            shape, suffix = {
                'img': ((24, 20, 3), '.jpg'),
                'mask': ((24, 20), '.png')
            }[key]
            for stem in stems:
                pixels = rng.integers(0, 2, shape) * 255
                cv2.imwrite(str(folder / (stem + suffix)), pixels)
        return dict(data_prefix=prefix)

    return write


@pytest.fixture
def labeller_cfg() -> Config:
    """The model of the configs' tiny labeller."""
    return Config.fromfile(
        ROOT / 'configs/_base_/models/boxcaseg_hrnetv2-tiny.py').model


@pytest.fixture
def build_labeller(labeller_cfg):
    """Builds the tiny labeller of the configs with a fixed seed.

    The parameters of its heads are larger than the authors' N(0, 0.001).
    Otherwise all maps would be 0.5, and tests would see no difference.
    """

    def build(heads=('weak', 'salient', 'transferred'),
              **test_cfg) -> nn.Module:
        torch.manual_seed(0)
        labeller_cfg.test_cfg.update(test_cfg)
        for name in ('weak', 'salient', 'transferred'):
            if name not in heads:
                labeller_cfg[f'{name}_head'] = None
        model = MODELS.build(labeller_cfg)
        for name, param in model.named_parameters():
            if '_head.' in name and '.bn.' not in name:
                nn.init.normal_(param, std=0.1)
        return model

    return build
