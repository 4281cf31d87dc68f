from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.hooks import DistSamplerSeedHook
from mmengine.runner import Runner
from mmengine.runner.loops import _InfiniteDataloaderIterator
from torch.utils.data import ConcatDataset, DataLoader

from mmboxcaseg import InputError
from mmboxcaseg.datasets import MultiSourceSampler, samplers

BOXES, SALIENT = 100, 45


@pytest.fixture
def build(monkeypatch):
    """Builds the sampler of one rank. Indices from BOXES on are salient."""

    def build_sampler(batch_size=16,
                      rank=0,
                      world_size=1,
                      sizes=(BOXES, SALIENT),
                      **kwargs) -> MultiSourceSampler:
        monkeypatch.setattr(samplers, 'get_dist_info', lambda:
                            (rank, world_size))
        dataset = ConcatDataset([range(size) for size in sizes])
        kwargs.setdefault('seed', 0)
        return MultiSourceSampler(dataset, batch_size, **kwargs)

    return build_sampler


def batches(sampler, epoch=0) -> list:
    sampler.set_epoch(epoch)
    order = list(sampler)
    assert len(order) == len(sampler)
    size = sum(sampler.shares)
    return [order[i:i + size] for i in range(0, len(order), size)]


@pytest.mark.parametrize('batch_size, ratio, boxes', [
    (16, (9, 7), 9),
    (8, (1, 1), 4),
    (8, (18, 14), None),
    (32, (11, 5), 22),
])
@pytest.mark.parametrize('rank, world_size', [(0, 1), (0, 2), (1, 2)])
def test_ratio_in_every_batch_of_every_rank(build, batch_size, ratio, boxes,
                                            rank, world_size):
    kwargs = dict(rank=rank, world_size=world_size, source_ratio=ratio)
    if boxes is None:
        with pytest.raises(InputError, match='cannot be divided'):
            build(batch_size, **kwargs)
        return
    drawn = batches(build(batch_size, **kwargs))
    assert drawn
    for batch in drawn:
        assert len(batch) == batch_size
        assert sum(index < BOXES for index in batch) == boxes


def test_three_sources(build):
    sampler = build(6, sizes=(10, 20, 30), source_ratio=(1, 2, 3))
    for batch in batches(sampler):
        assert Counter('0' if i < 10 else '1' if i < 30 else '2'
                       for i in batch) == Counter('011222')


def test_epoch_shows_the_salient_images_once(build):
    order = sum(batches(build()), [])
    salient = [index for index in order if index >= BOXES]
    # 45 // 7 batches; three images are left out in this epoch.
    assert len(salient) == len(set(salient)) == 42
    assert set(salient) <= set(range(BOXES, BOXES + SALIENT))


def test_every_epoch_leaves_out_other_salient_images(build):
    sampler, shown = build(), set()
    for epoch in range(4):
        shown |= set(sum(batches(sampler, epoch), []))
    assert shown >= set(range(BOXES, BOXES + SALIENT))


@pytest.mark.parametrize('num_boxes', [5, 54, 100, 1000])
def test_no_box_repeats_before_all_were_shown(build, num_boxes):
    sampler = build(sizes=(num_boxes, SALIENT))
    drawn = []
    for epoch in range(6):
        drawn += [i for b in batches(sampler, epoch) for i in b[:9]]
    assert len(drawn) == 6 * 6 * 9
    # All epochs together are a sequence of permutations.
    for start in range(0, len(drawn), num_boxes):
        lap = drawn[start:start + num_boxes]
        assert len(set(lap)) == len(lap)
    assert max(drawn) < num_boxes


def test_same_epoch_has_the_same_order(build):
    sampler = build()
    first = batches(sampler, 3)
    batches(sampler, 4)
    assert batches(sampler, 3) == first
    assert batches(build(), 3) == first


def test_epochs_and_seeds_differ(build):
    orders = [batches(build(seed=seed), e) for seed in (0, 1) for e in (0, 1)]
    for i, order in enumerate(orders):
        assert order not in orders[i + 1:]


def test_order_under_a_seed(build):
    # Another order would change all training results.
    assert batches(build(4, sizes=(6, 4),
                         source_ratio=(1, 1))) == [[3, 2, 9, 6], [0, 1, 7, 8]]


@pytest.mark.parametrize('epoch', [0, 1, 5])
def test_two_ranks_see_what_one_rank_sees(build, epoch):
    whole = batches(build(32), epoch)
    ranks = [batches(build(16, r, 2), epoch) for r in (0, 1)]
    assert len(whole) == len(ranks[0]) == len(ranks[1]) == 3
    for batch, half0, half1 in zip(whole, *ranks):
        assert sorted(batch) == sorted(half0 + half1)


@pytest.mark.parametrize('ratio', [(9, 7), (1, 3), (11, 5), (1, 100), (99, 1)])
@pytest.mark.parametrize('batch_size', [2, 3, 10, 17, 50])
def test_suggested_ratio_works(build, batch_size, ratio):
    sizes = (BOXES, 200)
    if batch_size % sum(ratio) == 0:
        batch_size += 1
    with pytest.raises(InputError, match=f'multiple of {sum(ratio)}') as error:
        build(batch_size, sizes=sizes, source_ratio=ratio)
    suggested = eval(str(error.value).split('source_ratio=')[1].rstrip('.'))
    sampler = build(batch_size, sizes=sizes, source_ratio=suggested)
    assert sampler.shares == list(suggested)


def test_batch_of_one_has_no_ratio(build):
    with pytest.raises(InputError) as error:
        build(1)
    assert 'source_ratio=' not in str(error.value)


@pytest.mark.parametrize('ratio', [(9, ), (9, 0), (9, 7, 1), (4.5, 3.5),
                                   ('9', '7')])
def test_bad_ratio(build, ratio):
    with pytest.raises(InputError, match='each of the 2 sources'):
        build(source_ratio=ratio)


@pytest.mark.parametrize('world_size, needs', [(1, 7), (2, 14)])
def test_too_few_salient_images(build, world_size, needs):
    sizes = (BOXES, needs - 1)
    with pytest.raises(InputError, match=f'has {needs - 1} .*needs {needs}:'):
        build(world_size=world_size, sizes=sizes)
    assert len(build(world_size=world_size, sizes=(BOXES, needs))) == 16


class MarkedBoxes(list):
    """Boxes, every second of which overlaps another one."""

    def __init__(self, num: int) -> None:
        super().__init__(range(num))
        self.overlapping = np.arange(num) % 2 == 0


@pytest.fixture
def build_marked():

    def build_sampler(num=1000, **kwargs) -> MultiSourceSampler:
        dataset = ConcatDataset([MarkedBoxes(num), range(450)])
        kwargs.setdefault('sit_out_prob', 0.75)
        return MultiSourceSampler(dataset, 16, seed=0, **kwargs)

    return build_sampler


def test_overlapping_boxes_are_skipped(build_marked):
    sampler, drawn = build_marked(), []
    for epoch in range(60):
        drawn += [i for b in batches(sampler, epoch) for i in b[:9]]
    # Half of the boxes overlap; a quarter of these is drawn, so 1 : 4.
    share = np.mean([index % 2 == 0 for index in drawn])
    assert 0.18 < share < 0.22
    # Over many epochs every box is drawn.
    assert set(range(1000)) <= set(drawn)
    counts = Counter(drawn)
    others = [counts[i] for i in range(1, 1000, 2)]
    assert max(others) - min(others) <= 1


def test_no_box_repeats_while_others_are_skipped(build_marked):
    sampler = build_marked()
    # A pass has about 625 boxes, and an epoch draws 576 of them.
    order = [i for b in batches(sampler) for i in b[:9]]
    assert len(set(order)) == len(order) == 576


def test_skipped_boxes_depend_only_on_seed_and_epoch(build_marked):
    assert batches(build_marked(), 5) == batches(build_marked(), 5)
    assert batches(build_marked(), 5) != batches(build_marked(), 6)


@pytest.mark.parametrize('prob', [-0.1, 1])
def test_bad_sit_out_prob(build_marked, prob):
    with pytest.raises(InputError, match=f'sit_out_prob={prob} must be in'):
        build_marked(sit_out_prob=prob)


def test_sit_out_prob_needs_overlap_iou(build):
    with pytest.raises(InputError, match='set `overlap_iou`'):
        build(sit_out_prob=0.5)


@pytest.mark.parametrize('seen', [0, 1, 5, 6, 7, 20])
def test_skip_continues_where_training_stopped(build, seen):
    sampler = build()
    whole = sum((batches(sampler, epoch) for epoch in range(5)), [])
    resumed = build()
    resumed.skip(16 * seen)
    order = []
    # IterBasedTrainLoop counts epochs from 0 after a resume.
    for epoch in range(2):
        resumed.set_epoch(epoch)
        order += list(resumed)
    rest = sum(whole[seen:], [])
    assert order == rest[:len(order)]
    assert len(order) > 6 * 16


def build_loader(batch_size=16, num_workers=0, **kwargs) -> DataLoader:
    """As MMEngine builds it from a config."""
    dataset = ConcatDataset([range(BOXES), range(BOXES, BOXES + SALIENT)])
    cfg = dict(
        batch_size=batch_size,
        num_workers=num_workers,
        sampler=dict(type='DefaultSampler', shuffle=True),
        batch_sampler=dict(
            type='mmboxcaseg.MultiSourceBatchSampler', **kwargs),
        dataset=dataset,
        collate_fn=dict(type='default_collate'))
    return Runner.build_dataloader(cfg, seed=0)


@pytest.mark.parametrize('batch_size', [16, 32])
def test_batch_size_of_the_loader(build, batch_size):
    loader = build_loader(batch_size)
    assert len(loader) == 45 // (7 * batch_size // 16)
    drawn = [batch.tolist() for batch in loader]
    assert drawn == batches(build(batch_size))
    runner = SimpleNamespace(
        train_loop=SimpleNamespace(dataloader=loader), epoch=2)
    DistSamplerSeedHook().before_train_epoch(runner)
    assert [batch.tolist()
            for batch in loader] == batches(build(batch_size), 2)


def test_batch_sampler_arguments():
    with pytest.raises(InputError, match='divided as 9:7: use a multiple'):
        build_loader(8)
    loader = build_loader(8, source_ratio=(5, 3))
    assert {int((batch < BOXES).sum()) for batch in loader} == {5}
    with pytest.raises(InputError, match='set `overlap_iou`'):
        build_loader(sit_out_prob=0.5)


def test_batch_sampler_needs_sources():
    sampler = SimpleNamespace(dataset=range(9), seed=0)
    with pytest.raises(InputError, match='data set is a range: remove'):
        samplers.mix_sources(sampler, 16)


@pytest.mark.parametrize('num_workers', [0, 1])
def test_iteration_based_loop_resumes(log, num_workers):
    """MMEngine's own iterator, through the end of an epoch."""

    def iterator():
        return _InfiniteDataloaderIterator(
            build_loader(num_workers=num_workers))

    whole = iterator()
    batches_seen = [next(whole).tolist() for _ in range(9)]
    resumed = iterator()
    resumed.skip_iter(4)
    assert [next(resumed).tolist() for _ in range(5)] == batches_seen[4:]
    # The skipped samples were not loaded.
    assert not any('Fast sampler-level resume' in m for m in log.messages)


@pytest.mark.parametrize('sizes', [(0, 45), (100, 0)])
def test_empty_source(build, sizes):
    with pytest.raises(
            InputError, match='a source of the training data is empty'):
        build(sizes=sizes)


@pytest.mark.parametrize('num_batches', [2, 20])
def test_epochs_of_a_given_length(build, num_batches):
    """All sources go on in the next epoch, and none repeats too early."""
    sampler = build(num_batches=num_batches)
    assert len(sampler) == 16 * num_batches
    epochs = [sum(batches(sampler, epoch), []) for epoch in range(3)]
    for own, size in ((lambda i: i < BOXES, BOXES), (lambda i: i >= BOXES,
                                                     SALIENT)):
        times = Counter(filter(own, sum(epochs, [])))
        shown = [times[i] for i in times]
        assert max(shown) - min(shown) <= 1
        assert len(times) == min(size, sum(shown))
    halves = [
        sum(
            batches(
                build(
                    8, rank, 2, num_batches=num_batches, source_ratio=(1, 1))),
            []) for rank in (0, 1)
    ]
    whole = sum(
        batches(build(16, num_batches=num_batches, source_ratio=(1, 1))), [])
    assert sorted(sum(halves, [])) == sorted(whole)


@pytest.mark.parametrize('num_batches', [0, -1, 2.5])
def test_bad_length_of_an_epoch(build, num_batches):
    with pytest.raises(InputError, match=f'num_batches={num_batches}'):
        build(num_batches=num_batches)
