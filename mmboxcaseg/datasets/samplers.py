from itertools import chain, count, islice
from typing import Iterator, List, Optional, Sequence

import torch
from mmengine.dist import get_dist_info, sync_random_seed
from torch import Tensor
from torch.utils.data import BatchSampler, ConcatDataset, Sampler

from mmboxcaseg import InputError
from mmboxcaseg.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module(name='MultiSourceBatchSampler')
def mix_sources(sampler: Sampler,
                batch_size: int,
                source_ratio: Sequence[int] = (9, 7),
                sit_out_prob: float = 0,
                num_batches: Optional[int] = None) -> BatchSampler:
    """Build batches that mix the sources of a data set in a fixed ratio.

    It is the ``batch_sampler`` of a data loader. MMEngine hands it the
    loader's ``sampler`` and ``batch_size``.

    Args:
        sampler (Sampler): Sampler of the data loader, such as
            :class:`mmengine.dataset.DefaultSampler`, with ``dataset`` and
            ``seed``.
        batch_size, source_ratio, sit_out_prob, num_batches: See
            :class:`MultiSourceSampler`.

    Returns:
        BatchSampler: PyTorch's own class, because MMEngine resumes only that
        one without loading the skipped samples.

    Raises:
        InputError: See :class:`MultiSourceSampler`, or the data set has no
            sources.
    """
    dataset = sampler.dataset
    if not hasattr(dataset, 'datasets'):
        raise InputError(
            'MultiSourceBatchSampler mixes the sources of a ConcatDataset, '
            f'but the data set is a {type(dataset).__name__}: remove '
            '`batch_sampler` from the data loader.')
    mixed = MultiSourceSampler(dataset, batch_size, source_ratio, sit_out_prob,
                               sampler.seed, num_batches)
    return BatchSampler(mixed, batch_size, drop_last=True)


class MultiSourceSampler(Sampler):
    """Draw batches that mix the sources in the same ratio on every rank.

    An epoch shows every sample of the last source (the salient images) once,
    except those that do not fill a batch, which differ from epoch to epoch.
    It draws as many samples of the other sources as the ratio asks for, and
    repeats one only after all of them were shown (section 4.2.3 of the
    paper).

    The order depends only on ``seed`` and the epoch. The global batch is
    drawn first and then split between the ranks: two ranks of batch size b
    see the same samples as one rank of batch size 2b. Iteration-based loops
    resume in the middle of an epoch by :meth:`skip`.

    Args:
        dataset (ConcatDataset): Its ``datasets`` are the sources.
        batch_size (int): Batch size of one rank.
        source_ratio (Sequence[int]): Parts of a batch by source. Defaults to
            (9, 7), box : salient, the paper's best.
        sit_out_prob (float): Probability in [0, 1) that a pass over the boxes
            skips a box that overlaps another one, see
            :class:`BoxCropDataset`. The authors use 0.75 on COCO.
        seed (int, optional): Equal on all ranks. Defaults to a random one.
        num_batches (int, optional): Batches in an epoch. The last source is
            then drawn like the others: the next epoch goes on with it.
            Defaults to None: as many as show the last source once.

    Raises:
        InputError: The batch size cannot be divided in the ratio, the number
            of sources differs, a source is empty, the last one cannot fill
            one global batch, or ``sit_out_prob`` is out of range, or it is
            above 0 and no source marks overlapping boxes, or ``num_batches``
            is not positive.
    """

    def __init__(self,
                 dataset: ConcatDataset,
                 batch_size: int,
                 source_ratio: Sequence[int] = (9, 7),
                 sit_out_prob: float = 0,
                 seed: Optional[int] = None,
                 num_batches: Optional[int] = None) -> None:
        self.sizes = [len(source) for source in dataset.datasets]
        if not min(self.sizes):
            raise InputError('a source of the training data is empty; the '
                             f'sources have {self.sizes} samples.')
        self.offsets = [0] + list(dataset.cumulative_sizes[:-1])
        self.shares = _split(batch_size, source_ratio, len(self.sizes))
        self.sit_out_prob = sit_out_prob
        self.overlapping = [
            getattr(source, 'overlapping', None) for source in dataset.datasets
        ]
        self._check_sit_out()
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = self.first_epoch = self.first_sample = 0
        needed = self.shares[-1] * self.world_size
        self.num_batches = self.sizes[-1] // needed
        if not self.num_batches:
            raise InputError(
                f'the last source has {self.sizes[-1]} samples, but one batch '
                f'on {self.world_size} rank(s) needs {needed}: use a smaller '
                '`batch_size` or more salient images.')
        # Whether every epoch shows the last source from the start.
        self.restarts = num_batches is None
        if num_batches is not None:
            if not isinstance(num_batches, int) or num_batches < 1:
                raise InputError(f'num_batches={num_batches!r} must be a '
                                 'positive integer or None.')
            self.num_batches = num_batches

    def _check_sit_out(self) -> None:
        if not 0 <= self.sit_out_prob < 1:
            raise InputError(
                f'sit_out_prob={self.sit_out_prob} must be in [0, 1).')
        if self.sit_out_prob and all(m is None for m in self.overlapping):
            raise InputError(
                f'sit_out_prob={self.sit_out_prob} needs to know which boxes '
                'overlap: set `overlap_iou` of BoxCropDataset, e.g. to 0.5.')

    def __len__(self) -> int:
        """Number of samples that this rank sees in an epoch."""
        return self.num_batches * sum(self.shares)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, which determines the order of the samples."""
        self.epoch = epoch

    def skip(self, num_samples: int) -> None:
        """Start after the samples that this rank saw before a resume.

        Epochs then count from the current one, as in IterBasedTrainLoop.
        """
        self.first_epoch, self.first_sample = divmod(num_samples, len(self))

    def __iter__(self) -> Iterator[int]:
        """Yield indices into the concatenated dataset, batch after batch."""
        start, self.first_sample = self.first_sample, 0
        # Only indices are skipped; no sample is loaded for them.
        yield from islice(self._epoch_order(), start, None)

    def _epoch_order(self) -> Iterator[int]:
        orders = [self._draw(source) for source in range(len(self.sizes))]
        for batch in range(self.num_batches):
            for order, share in zip(orders, self.shares):
                start = (batch * self.world_size + self.rank) * share
                yield from order[start:start + share]

    def _draw(self, source: int) -> List[int]:
        """Draw the indices of one source that all ranks see in this epoch."""
        need = self.num_batches * self.shares[source] * self.world_size
        epoch = self.first_epoch + self.epoch
        # The draws of all epochs form one endless sequence of permutations
        # (laps), and each epoch takes the next piece of it. Only the last
        # source starts a new permutation in each epoch, if that shows all.
        fresh = self.restarts and source == len(self.sizes) - 1
        laps, skip = (count(epoch), 0) if fresh else (count(), epoch * need)
        row = chain.from_iterable(
            self._draw_lap(source, lap).tolist() for lap in laps)
        offset = self.offsets[source]
        return [offset + index for index in islice(row, skip, skip + need)]

    def _draw_lap(self, source: int, lap: int) -> Tensor:
        """Draw one pass over a source, without the boxes that it skips."""
        size, marks = self.sizes[source], self.overlapping[source]
        generator = torch.Generator()
        # A hash of integers is the same in every process.
        generator.manual_seed(hash((self.seed, source, lap)) % 2**63)
        order = torch.randperm(size, generator=generator)
        if not self.sit_out_prob or marks is None:
            return order
        chance = torch.rand(size, generator=generator)
        out = torch.from_numpy(marks) & (chance < self.sit_out_prob)
        return order[~out[order]]


def _split(batch_size: int, ratio: Sequence[int],
           num_sources: int) -> List[int]:
    """Divide a batch in a ratio, or suggest one that divides it."""
    if len(ratio) != num_sources or not all(
            isinstance(part, int) and part > 0 for part in ratio):
        raise InputError(
            f'source_ratio {tuple(ratio)} must have one positive integer '
            f'for each of the {num_sources} sources.')
    total = sum(ratio)
    if batch_size % total:
        # The nearest ratio that adds up to this batch size.
        nearest = [max(1, round(batch_size * r / total)) for r in ratio]
        nearest[nearest.index(max(nearest))] += batch_size - sum(nearest)
        other = f', or source_ratio={tuple(nearest)}'
        raise InputError(
            f'a batch of {batch_size} cannot be divided as '
            f'{":".join(map(str, ratio))}: use a multiple of {total}'
            f'{other if min(nearest) > 0 else ""}.')
    return [batch_size * r // total for r in ratio]
