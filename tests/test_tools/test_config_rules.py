"""Rules of new_dataset.py: crops, scales, batches and schedules."""
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from small_data import load_tool

from mmboxcaseg import InputError


@pytest.fixture
def rules() -> ModuleType:
    return load_tool('config_rules')


@pytest.mark.parametrize('side, max_crop, expected', [
    (20, 288, (96, 96)),
    (90, 128, (96, 96)),
    (97, 128, (128, 128)),
    (400, 128, (128, 128)),
    (200, 288, (224, 256)),
    (400, 288, (288, 320)),
])
def test_crop_sizes(rules, side, max_crop, expected):
    sides = np.full(10, side)
    assert rules.choose_crop_sizes(sides, max_crop) == expected


@pytest.mark.parametrize('width, height, largest, expected', [
    (640, 480, (1333, 800), (1333, 800)),
    (480, 640, (1333, 800), (1333, 800)),
    (4000, 3000, (1333, 800), (1333, 800)),
    (320, 240, (1333, 800), (800, 480)),
    (160, 160, (320, 320), (320, 320)),
    (100, 80, (320, 320), (200, 200)),
])
def test_scale(rules, width, height, largest, expected):
    image = dict(width=width, height=height)
    box = dict(bbox=[0, 0, 30, 20])
    coco = SimpleNamespace(images={1: image}, annotations={1: [box, box]})
    sizes = rules.BoxSizes(coco)
    assert rules.choose_scale(sizes, largest) == expected
    factor = min(
        max(expected) / max(width, height),
        min(expected) / min(width, height))
    assert factor <= 2.001
    np.testing.assert_allclose(sizes.resized(expected), [20 * factor] * 2)


@pytest.mark.parametrize('numbers, shares', [
    ([7], [7]),
    ([177, 1000], [1, 6]),
    ([431, 1000], [2, 5]),
    ([1, 1, 1], [3, 2, 2]),
    ([1, 2, 3, 4, 5, 6, 700], [1] * 7),
])
def test_split_of_a_batch(rules, numbers, shares):
    assert rules.split_batch(numbers, 7) == shares
    with pytest.raises(InputError, match='8 sources of masks, but a batch'):
        rules.split_batch([1] * 8, 7)


def test_schedules_of_the_paper(rules):
    """The rules give the paper's schedules for COCO."""
    schedule = rules.labeller_schedule(849_949, [7_991], 2, rules.SIZES['w48'])
    assert (schedule['num_iters'], schedule['max_epochs']) == (570, 50)
    schedule = rules.detector_schedule(117_266, 120_000, 16)
    assert schedule['max_epochs'] == 12


def test_schedules_of_small_sets(rules):
    one, two = (
        rules.labeller_schedule(100, [70], gpus, rules.SIZES['tiny'])
        for gpus in (1, 2))
    assert (one['num_iters'], two['num_iters']) == (10, 5)
    # The number of GPUs does not change the number of crops.
    assert one['max_epochs'] == two['max_epochs'] == 563
    assert one['interval'] == 57
    schedule = rules.detector_schedule(1_000, 24_000, 8)
    assert (schedule['max_epochs'], schedule['num_iters']) == (24, 125)


@pytest.mark.parametrize('numbers', [[1000, 500_000], [10, 20, 4_000_000]])
@pytest.mark.parametrize('gpus', [1, 8])
def test_many_masks_do_not_lengthen_the_training(rules, numbers, gpus):
    size = rules.SIZES['small']
    labeller = rules.labeller_schedule(3117, numbers, gpus, size)
    student = rules.student_schedule(labeller, numbers, gpus)
    crops = [
        s['num_iters'] * s['max_epochs'] * rules.BATCH_SIZE * gpus
        for s in (labeller, student)
    ]
    assert crops[0] == pytest.approx(rules.MAX_CROPS, rel=2e-3)
    assert crops[1] == pytest.approx(rules.MAX_CROPS / 3, rel=0.2)
    for schedule in (labeller, student):
        assert schedule['num_batches'] == schedule['num_iters']
        assert schedule['max_epochs'] // schedule['interval'] >= 3


def test_epoch_shows_a_small_source_once(rules):
    size = rules.SIZES['small']
    labeller = rules.labeller_schedule(3117, [1000], 1, size)
    assert labeller['num_batches'] is None
    assert (labeller['num_iters'], labeller['max_epochs']) == (142, 16)
