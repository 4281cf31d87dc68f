from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Deque, Iterator, Optional, Sequence, Tuple

import torch
from mmdet.structures import DetDataSample
from mmengine.dist import barrier, get_rank, is_main_process
from mmengine.model import is_model_wrapper
from mmengine.runner import TestLoop, autocast
from torch import Tensor, nn

from mmboxcaseg.models.boxcaseg import count_views
from mmboxcaseg.proxy import ProxyWriter, make_records
from mmboxcaseg.registry import LOOPS


class MapQueue:
    """Crops of images go in, images with the maps of their crops come out.

    The network sees full chunks, whatever the number of boxes of an image.

    Args:
        model (nn.Module): A :class:`BoxCaseg`.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.samples: Deque[DetDataSample] = deque()
        self.crops: Optional[Tensor] = None
        self.maps: Optional[Tensor] = None

    def put(
        self, crops: Tensor, samples: Sequence[DetDataSample]
    ) -> Iterator[Tuple[DetDataSample, Tensor]]:
        """Add images.

        Args:
            crops (Tensor): Normalised crops of all, has shape (N, 3, S, S).
            samples (Sequence[DetDataSample]): The images.

        Yields:
            tuple: An image that is done, in their order, and its maps,
            probabilities of shape (n * m, S, S), see :func:`views_of`.
        """
        self.samples.extend(samples)
        self.crops = _join(self.crops, crops)
        yield from self._run(
            len(self.crops) - len(self.crops) % self.model.test_cfg['chunk'])

    def flush(self) -> Iterator[Tuple[DetDataSample, Tensor]]:
        """Run what is left; see :meth:`put`."""
        if self.samples:
            yield from self._run(len(self.crops))

    def _run(self, num: int) -> Iterator[Tuple[DetDataSample, Tensor]]:
        if not num:
            return
        maps = self.model.predict_maps(self.crops[:num])
        self.maps, self.crops = _join(self.maps, maps), self.crops[num:]
        while self.samples:
            num_crops = count_views(self.samples[0].gt_instances)
            if num_crops > len(self.maps):
                return
            yield self.samples.popleft(), self.maps[:num_crops]
            self.maps = self.maps[num_crops:]


@LOOPS.register_module()
class LabelLoop(TestLoop):
    """Label all boxes of a data set, write the proxy file (section 3.4).

    Beside the network, in a thread of its own, the maps of an image become
    masks, which are merged (each pixel to the object with the smallest box),
    scored (agreement of the merged mask's box with the true pixel box) and
    written.

    Args:
        out_file (str): The proxy file to write.
        source_file (str): COCO JSON file of the boxes that are labelled.
        provenance (dict): See :class:`ProxyWriter`.
        merge_by (str, optional): See :func:`make_records`. Defaults to
            'box'.
        off_by_one (bool): See :func:`agreement`. Defaults to False.
        kwargs: Arguments of :class:`mmengine.runner.TestLoop`; ``fp16``
            labels with mixed precision.
    """

    # Images that wait for the thread; more would only fill the memory.
    MAX_WAITING = 32

    def __init__(self,
                 *args,
                 out_file: str,
                 source_file: str,
                 provenance: dict,
                 merge_by: Optional[str] = 'box',
                 off_by_one: bool = False,
                 **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.writer = ProxyWriter(out_file, source_file, provenance)
        self.options = dict(merge_by=merge_by, off_by_one=off_by_one)
        self.waiting: Deque[Future] = deque()

    def run(self) -> dict:
        """Label, then write the file when all processes are done.

        Returns:
            dict: No metrics.
        """
        runner = self.runner
        runner.call_hook('before_test')
        runner.call_hook('before_test_epoch')
        model = runner.model
        self.model = model.module if is_model_wrapper(model) else model
        self.model.eval()
        self.queue = MapQueue(self.model)
        with ThreadPoolExecutor(max_workers=1) as self.thread:
            for i, batch in enumerate(self.dataloader):
                self.run_iter(i, batch)
            with torch.no_grad(), autocast(enabled=self.fp16):
                self._store_all(self.queue.flush())
            self._wait(0)
        barrier()
        if is_main_process():
            dataset = self.dataloader.dataset
            result = self.writer.finish(
                len(dataset.skip_img_ids) + len(dataset), dataset.backend_args)
            runner.logger.info(
                f'{self.writer.out_file}: {result["instances"]} masks, mean '
                f'score {result["mean_score"]:.3f}')
        barrier()
        runner.call_hook('after_test_epoch', metrics={})
        runner.call_hook('after_test')
        return {}

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Run the network on some images.

        Args:
            idx (int): Number of the batch.
            data_batch (dict): ``inputs`` and ``data_samples`` of images.
        """
        self.runner.call_hook(
            'before_test_iter', batch_idx=idx, data_batch=data_batch)
        data = self.model.data_preprocessor(data_batch, False)
        with autocast(enabled=self.fp16):
            self._store_all(
                self.queue.put(data['inputs'], data['data_samples']))
        self.runner.call_hook(
            'after_test_iter', batch_idx=idx, data_batch=data_batch)

    def _store_all(self, done: Iterator[Tuple[DetDataSample, Tensor]]) -> None:
        for sample, maps in done:
            self.waiting.append(self.thread.submit(self._store, sample, maps))
            self._wait(self.MAX_WAITING)

    def _wait(self, most: int) -> None:
        """Wait until so many images wait at most; raise what failed."""
        while len(self.waiting) > most:
            self.waiting.popleft().result()

    def _store(self, sample: DetDataSample, maps: Tensor) -> None:
        gt = sample.gt_instances
        masks = self.model.make_masks(maps, gt)
        records = make_records(gt.ann_ids, masks, gt.windows, gt.areas,
                               sample.ori_shape, **self.options)
        self.writer.append(get_rank(), sample.img_id, records)


def _join(waiting: Optional[Tensor], new: Tensor) -> Tensor:
    return new if waiting is None else torch.cat([waiting, new])
