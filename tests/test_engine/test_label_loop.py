import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmboxcaseg.engine.label_loop import MapQueue

CHUNK = 4


class CornerModel:
    """Predicts the brightness of the corner, and notes how many it saw."""

    test_cfg = dict(chunk=CHUNK)

    def __init__(self) -> None:
        self.seen = []

    def predict_maps(self, crops):
        self.seen.append(len(crops))
        return crops[:, 0, :1, :1]


def make_batch(sizes, start) -> tuple:
    """Images of so many boxes; the crops are numbered from a start."""
    samples = [
        DetDataSample(gt_instances=InstanceData(windows=np.zeros((n, 4))))
        for n in sizes
    ]
    numbers = torch.arange(start, start + sum(sizes), dtype=torch.float32)
    return numbers.view(-1, 1, 1, 1).expand(-1, 3, 2, 2), samples


def test_full_chunks_across_images(rng):
    sizes = rng.integers(1, 12, (20, 3))
    model = CornerModel()
    queue, done, samples, start = MapQueue(model), [], [], 0
    for batch in sizes:
        crops, new = make_batch(batch.tolist(), start)
        start += len(crops)
        samples += new
        done += queue.put(crops, new)
        # What waits is less than a chunk.
        assert start - sum(model.seen) < CHUNK
    assert all(num % CHUNK == 0 for num in model.seen)
    assert len(done) < len(samples) or start % CHUNK == 0
    done += queue.flush()
    assert sum(model.seen) == start
    assert [id(sample) for sample, _ in done] == [id(s) for s in samples]
    assert [len(maps) for _, maps in done] == sizes.ravel().tolist()
    numbers = torch.cat([maps for _, maps in done]).flatten()
    np.testing.assert_array_equal(numbers, np.arange(start))


def test_several_crops_of_a_box():
    model = CornerModel()
    queue, (crops, samples) = MapQueue(model), make_batch([3, 6], 0)
    samples[1].gt_instances = InstanceData(
        windows=np.zeros((2, 4)), views=np.zeros((2, 3, 4)))
    done = [*queue.put(crops, samples), *queue.flush()]
    assert [len(maps) for _, maps in done] == [3, 6]


def test_nothing_to_flush():
    assert not list(MapQueue(CornerModel()).flush())
