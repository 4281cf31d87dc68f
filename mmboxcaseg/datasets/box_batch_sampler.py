from itertools import islice
from typing import Dict, Iterator, List, Sequence

from torch.utils.data import BatchSampler, Sampler

from mmboxcaseg.registry import DATA_SAMPLERS
from .transforms import CropBoxes

# Number of waiting images among which the next ones of a batch are chosen.
LOOKAHEAD = 64


@DATA_SAMPLERS.register_module()
class BoxBatchSampler(BatchSampler):
    """Batches of images whose crops fill whole chunks of the network.

    :class:`BoxCaseg` runs crops in chunks of one fixed size and pads the last
    one of a batch. With batches of consecutive images, much of it would be
    padding.

    Args:
        sampler (Sampler): Order of the images of a :class:`BoxCropDataset`
            with ``per_image=True``.
        batch_size (int): The largest number of images in a batch.
        chunk (int): Crops in a chunk, ``test_cfg.chunk`` of the labeller.
    """

    def __init__(self,
                 sampler: Sampler,
                 batch_size: int,
                 chunk: int = 16) -> None:
        super().__init__(sampler, batch_size, drop_last=False)
        self.chunk = chunk
        # In advance: loops ask for the number of batches before they start.
        self.batches: List[List[int]] = list(self._pack())

    def __len__(self) -> int:
        """Number of batches."""
        return len(self.batches)

    def __iter__(self) -> Iterator[List[int]]:
        """Yield the indices of every batch."""
        yield from self.batches

    def _pack(self) -> Iterator[List[int]]:
        dataset = self.sampler.dataset
        num_crops = sum(
            len(transform.margins) for transform in dataset.pipeline.transforms
            if isinstance(transform, CropBoxes))
        images = ((i, num_crops * len(dataset.get_data_info(i)['instances']))
                  for i in self.sampler)
        waiting = list(islice(images, LOOKAHEAD))
        while waiting:
            batch: List[int] = []
            while waiting and len(batch) < self.batch_size:
                chosen = best_fill([size for _, size in waiting], self.chunk,
                                   self.batch_size - len(batch))
                size = sum(waiting[k][1] for k in chosen)
                # Once the batch has images, add only whole chunks.
                if batch and size % self.chunk:
                    break
                batch += [waiting[k][0] for k in chosen]
                waiting = [
                    image for k, image in enumerate(waiting) if k not in chosen
                ]
                waiting += islice(images, len(chosen))
            yield batch


def best_fill(sizes: Sequence[int], chunk: int, most: int) -> List[int]:
    """Choose images whose crops need the least padding in their last chunk.

    Among any ``chunk`` integers, some add up to a multiple of ``chunk``
    (pigeonhole principle), so a few images usually need no padding.

    Args:
        sizes (Sequence[int]): Number of crops of every image.
        chunk (int): Number of crops in a chunk.
        most (int): The largest number of images to choose.

    Returns:
        list[int]: Positions of the chosen images, as few as possible. The
        first image is always among them, so that no image waits for ever.
    """
    # The smallest choice for every number of crops in the last chunk.
    choices: Dict[int, List[int]] = {sizes[0] % chunk: [0]}
    for k in range(1, len(sizes)):
        if 0 in choices:
            break
        for filled, chosen in list(choices.items()):
            total = (filled + sizes[k]) % chunk
            limit = len(choices[total]) - 1 if total in choices else most
            if len(chosen) < limit:
                choices[total] = chosen + [k]
    # -filled % chunk crops are missing in the last chunk.
    return choices[min(choices, key=lambda filled: -filled % chunk)]
