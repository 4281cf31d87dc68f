from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import SequentialSampler

from mmboxcaseg.datasets import BoxBatchSampler
from mmboxcaseg.datasets.box_batch_sampler import best_fill
from mmboxcaseg.datasets.transforms import CropBoxes


class Images:
    """A data set of images with so many boxes."""

    def __init__(self, sizes, margins=(0, )) -> None:
        self.sizes = sizes
        self.pipeline = SimpleNamespace(
            transforms=[CropBoxes(margins=margins)])

    def __len__(self) -> int:
        return len(self.sizes)

    def get_data_info(self, idx: int) -> dict:
        return dict(instances=[{}] * int(self.sizes[idx]))


def build(sizes, batch_size=8, margins=(0, ), **kwargs) -> BoxBatchSampler:
    sampler = SequentialSampler(Images(sizes, margins))
    sampler.dataset = sampler.data_source
    return BoxBatchSampler(sampler, batch_size, **kwargs)


def count_chunks(batches, sizes, chunk=16) -> int:
    return sum(-(-sum(sizes[i] for i in batch) // chunk) for batch in batches)


@pytest.mark.parametrize('draw', [
    lambda rng: 1 + rng.poisson(6, 500),
    lambda rng: 1 + rng.geometric(0.2, 500),
    lambda rng: np.full(500, 10),
    lambda rng: np.full(500, 1),
    lambda rng: np.full(500, 17),
])
@pytest.mark.parametrize('margins', [(0, ), (0, 0.1)])
def test_chunks_are_full(rng, draw, margins):
    sizes = draw(rng)
    batches = list(build(sizes, 16, margins))
    assert sorted(sum(batches, [])) == list(range(500))
    assert max(map(len, batches)) <= 16
    crops = sizes * len(margins)
    # The last images leave at most a few chunks partly empty.
    assert count_chunks(batches, crops) <= crops.sum() / 16 + 4


def test_few_images_per_batch(rng):
    sizes = 1 + rng.poisson(6, 500)
    plain = [list(range(i, min(i + 4, 500))) for i in range(0, 500, 4)]
    packed = list(build(sizes, 4))
    assert max(map(len, packed)) == 4
    assert count_chunks(packed, sizes) < 1.05 * sizes.sum() / 16
    assert count_chunks(plain, sizes) > 1.2 * sizes.sum() / 16


def test_one_image_per_batch():
    assert list(build([3, 5, 2], 1)) == [[0], [1], [2]]


def test_order_is_the_same_in_every_pass(rng):
    sampler = build(1 + rng.poisson(6, 100))
    assert list(sampler) == list(sampler)
    assert len(sampler) == len(list(sampler))


@pytest.mark.parametrize('sizes, most, chosen', [
    ([16, 4], 8, [0]),
    ([10, 7, 6, 3], 8, [0, 2]),
    ([10, 3, 3, 9], 8, [0, 1, 2]),
    ([10, 3, 3, 9], 2, [0, 1]),
    ([20, 5, 12], 8, [0, 2]),
    ([5], 8, [0]),
])
def test_best_fill(sizes, most, chosen):
    assert best_fill(sizes, 16, most) == chosen


def test_in_the_registry(rng):
    with DATA_SAMPLERS.switch_scope_and_registry('mmdet') as registry:
        assert registry.get('mmboxcaseg.BoxBatchSampler') is BoxBatchSampler
