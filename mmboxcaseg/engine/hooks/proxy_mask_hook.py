from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Deque, Optional, Sequence, Set

from mmdet.structures import DetDataSample
from mmengine.dist import barrier, get_rank, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmboxcaseg import InputError
from mmboxcaseg.proxy import ProxyWriter, make_records
from mmboxcaseg.proxy.provenance import describe_source, library_versions
from mmboxcaseg.registry import HOOKS
from mmboxcaseg.structures import check_merge_rule

# Settings of the model that change its masks.
_MODEL_KEYS = ('test_cfg', 'fusion', 'data_preprocessor')


@HOOKS.register_module()
class ProxyMaskHook(Hook):
    """Write the predictions of a labeller in a test run to a proxy file.

    MMEngine's ``TestLoop`` labels the boxes of the test data set. The masks
    of an image are merged (each pixel goes to the object with the smallest
    box), scored (agreement of the merged mask's box with the true pixel box;
    :func:`estimate_iou` of the merged mask) and written, see section 3.4 of
    the paper. A thread does this while the network runs on the next images.

    An interrupted labelling run continues where it stopped: images in the
    folder ``OUT.shards`` are removed from the test data loader, so metrics
    see only the others.

    Args:
        out_file (str): The proxy file to write.
        source_file (str, optional): COCO file of the boxes. Defaults to that
            of the test data set.
        merge_by (str, optional): See :func:`merge_masks`. Defaults to 'box';
            None: no merging.
        off_by_one (bool): See :func:`merge_and_score`. Defaults to False.
        mask_weight_thr (float, optional): See :func:`make_records`.
        polygons (float, optional): See :class:`ProxyWriter`.
    """

    # Most images that may wait for the thread, to limit the memory.
    MAX_WAITING = 32

    def __init__(self,
                 out_file: str,
                 source_file: Optional[str] = None,
                 merge_by: Optional[str] = 'box',
                 off_by_one: bool = False,
                 mask_weight_thr: Optional[float] = None,
                 polygons: Optional[float] = None) -> None:
        check_merge_rule(merge_by, has_probability=True)
        self.out_file, self.source_file = out_file, source_file
        self.polygons = polygons
        self.options = dict(merge_by=merge_by, off_by_one=off_by_one)
        if mask_weight_thr is not None:
            self.options['mask_weight_thr'] = mask_weight_thr

    def before_test(self, runner: Runner) -> None:
        """Open the proxy file; leave out images that are labelled already.

        Args:
            runner (Runner): The runner of the test.

        Raises:
            InputError: The test data set does not have one item per image, or
                the file cannot be written, see :meth:`ProxyWriter.prepare`.
        """
        loop = runner.test_loop
        dataset = loop.dataloader.dataset
        if not getattr(dataset, 'per_image', False):
            raise InputError(
                f'{type(self).__name__} needs all boxes of an image together: '
                'set test_dataloader.dataset to an mmboxcaseg.BoxCropDataset '
                f'with per_image=True. It is a {type(dataset).__name__}.')
        self.num_images = len(dataset)
        self.writer = ProxyWriter(self.out_file,
                                  self.source_file or dataset.ann_file,
                                  self._provenance(runner), self.polygons)
        if is_main_process():
            self.writer.prepare(dataset.backend_args)
        barrier()
        finished = self.writer.finished()
        # No process may write before all have seen the same images.
        barrier()
        if finished:
            loop.dataloader = _without(loop.dataloader, finished, runner)
        self.thread = ThreadPoolExecutor(max_workers=1)
        self.waiting: Deque[Future] = deque()

    def after_test_iter(
            self,
            runner: Runner,
            batch_idx: int,
            data_batch: Optional[dict] = None,
            outputs: Optional[Sequence[DetDataSample]] = None) -> None:
        """Hand the masks of a batch to the thread.

        Args:
            runner (Runner): The runner of the test.
            batch_idx, data_batch: Not used.
            outputs (Sequence[DetDataSample]): The images of the batch, with
                ``pred_instances.masks``.
        """
        for sample in outputs:
            self.waiting.append(self.thread.submit(self._store, sample))
        self._wait(self.MAX_WAITING)

    def after_test(self, runner: Runner) -> None:
        """Write the proxy file when all processes have finished.

        Args:
            runner (Runner): The runner of the test.
        """
        self._wait(0)
        self.thread.shutdown()
        barrier()
        if is_main_process():
            dataset = runner.test_loop.dataloader.dataset
            result = self.writer.finish(self.num_images, dataset.backend_args)
            runner.logger.info(self.writer.summary(**result))
        barrier()

    def _wait(self, most: int) -> None:
        """Wait until at most ``most`` images are left; raise errors."""
        while len(self.waiting) > most:
            self.waiting.popleft().result()

    def _store(self, sample: DetDataSample) -> None:
        gt, masks = sample.gt_instances, sample.pred_instances.masks
        records = make_records(
            gt.ann_ids,
            masks,
            gt.windows,
            gt.areas,
            sample.ori_shape,
            # Masks of other models may have no probabilities.
            probability=getattr(masks, 'probability', None),
            expected_ious=getattr(masks, 'expected_ious', None),
            **self.options)
        self.writer.append(get_rank(), sample.img_id, records)

    def _provenance(self, runner: Runner) -> dict:
        """Describe where the masks come from, with all relevant settings."""
        cfg, model = runner.cfg, runner.model
        if is_model_wrapper(model):
            model = model.module
        dataset = cfg.test_dataloader.dataset
        name = Path(cfg.filename or 'labeller').stem
        source = dict(mask_source=name, sha256=None)
        if getattr(model, 'weights_name', None):
            source = describe_source(model.weights, model.weights_name)
        elif cfg.get('load_from'):
            source = describe_source(cfg.load_from, name)
        return dict(
            mask_source=source['mask_source'],
            versions=library_versions(),
            config=name,
            checkpoint_sha256=source['sha256'],
            **self.options,
            amp=runner.test_loop.fp16,
            **{key: cfg.model.get(key, {})
               for key in _MODEL_KEYS},
            crop_size=dataset.get('crop_size'),
            pipeline=dataset.pipeline)


def _without(loader: DataLoader, finished: Set[int],
             runner: Runner) -> DataLoader:
    """The test data loader without the images that are finished."""
    dataset = loader.dataset
    ids = [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))]
    left = [i for i, img_id in enumerate(ids) if img_id not in finished]
    # A data set must not be empty, so one image may be labelled again.
    dataset = dataset.get_subset(left or [0])
    return runner.build_dataloader(
        dict(runner.cfg.test_dataloader, dataset=dataset))
