from typing import List, Optional, Sequence

from mmengine.dist import barrier, get_rank, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmboxcaseg.proxy import ProxyWriter
from mmboxcaseg.registry import HOOKS
from mmboxcaseg.structures import agreement, encode_window, merge_masks


@HOOKS.register_module()
class ProxyMaskHook(Hook):
    """Write the masks of a test loop to a proxy file (section 3.4).

    Per image: masks are merged (each pixel to the object with the smallest
    box), scored (agreement of the merged mask's box with the true pixel
    box) and stored as RLE.

    Args:
        out_file (str): The proxy file to write.
        source_file (str): COCO JSON file of the boxes that the loop reads.
        provenance (dict): See :class:`ProxyWriter`.
        merge (bool): Whether to merge. Defaults to True.
    """

    def __init__(self,
                 out_file: str,
                 source_file: str,
                 provenance: dict,
                 merge: bool = True) -> None:
        self.writer = ProxyWriter(out_file, source_file, provenance)
        self.merge = merge

    def after_test_iter(self,
                        runner: Runner,
                        batch_idx: int,
                        data_batch: Optional[dict] = None,
                        outputs: Optional[Sequence] = None) -> None:
        """Store the masks of some images.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Number of the batch.
            data_batch (dict, optional): Not used.
            outputs (Sequence[DetDataSample]): Predictions of the labeller.
        """
        for sample in outputs:
            self.writer.append(get_rank(), sample.img_id,
                               self._records(sample))

    def after_test_epoch(self,
                         runner: Runner,
                         metrics: Optional[dict] = None) -> None:
        """Write the proxy file when all processes are done.

        Args:
            runner (Runner): The runner.
            metrics (dict, optional): Not used.
        """
        barrier()
        if is_main_process():
            result = self.writer.finish()
            runner.logger.info(
                f'{self.writer.out_file}: {result["instances"]} masks, mean '
                f'score {result["mean_score"]:.3f}')
        barrier()

    def _records(self, sample) -> List[dict]:
        gt, masks = sample.gt_instances, sample.pred_instances.masks
        if self.merge:
            masks = merge_masks(masks, gt.windows, gt.areas)
        return [
            dict(
                id=ann_id,
                segmentation=encode_window(mask, window, *sample.ori_shape),
                mask_score=round(agreement(mask),
                                 4)) for ann_id, mask, window in zip(
                                     gt.ann_ids.tolist(), masks, gt.windows)
        ]
