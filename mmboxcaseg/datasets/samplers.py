from typing import Iterator, List, Optional, Sequence

import torch
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmboxcaseg.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class MultiSourceSampler(Sampler):
    """Every batch of every rank mixes its sources in one fixed ratio.

    An epoch shows every sample of the last source (the salient images) once
    and draws as many of the others as the ratio asks for, without repeating
    one before all were shown (section 4.2.3 of the paper). The tail of the
    last source that does not fill a batch is left for another epoch, when
    the order is another one.

    The order depends on ``seed`` and the epoch only. The global batch is
    drawn first and then cut in ranks, so that two ranks of batch size b see
    together what one rank of batch size 2b sees.

    Args:
        dataset (ConcatDataset): Its ``datasets`` are the sources.
        batch_size (int): Batch size of one rank; must equal that of the
            data loader.
        source_ratio (Sequence[int]): Parts of a batch by source. Defaults to
            (9, 7), box : salient, the paper's best.
        seed (int, optional): Seed of the order, equal on all ranks. Defaults
            to a random one.

    Raises:
        ValueError: The batch size cannot be divided in the ratio, the number
            of sources differs, or a source cannot fill one global batch.
    """

    def __init__(self,
                 dataset,
                 batch_size: int,
                 source_ratio: Sequence[int] = (9, 7),
                 seed: Optional[int] = None) -> None:
        self.sizes = [len(source) for source in dataset.datasets]
        self.offsets = [0] + list(dataset.cumulative_sizes[:-1])
        self.shares = self._split(batch_size, source_ratio, len(self.sizes))
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self.num_batches = self.sizes[-1] // (
            self.shares[-1] * self.world_size)
        if not self.num_batches:
            raise ValueError(
                f'the last source has {self.sizes[-1]} samples, one batch on '
                f'{self.world_size} rank(s) needs '
                f'{self.shares[-1] * self.world_size}: use a smaller batch or '
                'more salient images.')

    @staticmethod
    def _split(batch_size: int, ratio: Sequence[int],
               num_sources: int) -> List[int]:
        if len(ratio) != num_sources or min(ratio) < 1:
            raise ValueError(
                f'source_ratio {tuple(ratio)} must have one positive integer '
                f'for each of the {num_sources} sources.')
        total = sum(ratio)
        if batch_size % total:
            nearest = [max(1, round(batch_size * r / total)) for r in ratio]
            nearest[nearest.index(max(nearest))] += batch_size - sum(nearest)
            other = f', or source_ratio={tuple(nearest)}'
            raise ValueError(
                f'a batch of {batch_size} cannot be divided as '
                f'{":".join(map(str, ratio))}: use a multiple of {total}'
                f'{other if min(nearest) > 0 else ""}.')
        return [batch_size * r // total for r in ratio]

    def __len__(self) -> int:
        """Number of samples that this rank sees in an epoch."""
        return self.num_batches * sum(self.shares)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order: the same epoch has the same order."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        """Yield indices into the concatenated dataset, batch after batch."""
        orders = [self._draw(source) for source in range(len(self.sizes))]
        for batch in range(self.num_batches):
            for order, share in zip(orders, self.shares):
                start = (batch * self.world_size + self.rank) * share
                yield from order[start:start + share]

    def _draw(self, source: int) -> List[int]:
        """Draw the indices of one source that all ranks see in this epoch.

        The draws of all epochs are one endless row of permutations; an epoch
        takes its piece of it. The last source starts anew each epoch.
        """
        size = self.sizes[source]
        need = self.num_batches * self.shares[source] * self.world_size
        last = source == len(self.sizes) - 1
        start = self.epoch * (size if last else need)
        drawn: List[int] = []
        lap = start // size
        while len(drawn) < need + start % size:
            generator = torch.Generator()
            generator.manual_seed(hash((self.seed, source, lap)) % 2**63)
            drawn += torch.randperm(size, generator=generator).tolist()
            lap += 1
        piece = drawn[start % size:start % size + need]
        return [self.offsets[source] + index for index in piece]
