import numpy as np
from mmdet.datasets.transforms import LoadAnnotations, PackDetInputs

from mmboxcaseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadProxyAnnotations(LoadAnnotations):
    """Load boxes, labels, masks and the weight of every mask.

    Added Keys: those of :class:`mmdet.datasets.transforms.LoadAnnotations`,
    and ``gt_mask_weights`` (n, ) float32, 1 for a mask to learn, else 0.
    """

    def transform(self, results: dict) -> dict:
        """Load the annotations.

        Args:
            results (dict): Item of :class:`ProxyCocoDataset`.

        Returns:
            dict: The item with the loaded annotations.
        """
        results = super().transform(results)
        results['gt_mask_weights'] = np.array(
            [ins['mask_weight'] for ins in results['instances']],
            dtype=np.float32)
        return results


@TRANSFORMS.register_module()
class PackProxyInputs(PackDetInputs):
    """Pack inputs as mmdet does, with ``mask_weights`` in gt_instances.

    Raises:
        ValueError: A transform of the pipeline dropped boxes but not their
            mask weights.
    """

    mapping_table = dict(
        PackDetInputs.mapping_table, gt_mask_weights='mask_weights')

    def transform(self, results: dict) -> dict:
        """Pack one item.

        Args:
            results (dict): Item with image and annotations.

        Returns:
            dict: ``inputs`` and ``data_samples``.
        """
        num_boxes = len(results['gt_bboxes'])
        num_weights = len(results['gt_mask_weights'])
        if num_boxes != num_weights:
            raise ValueError(
                f'{results.get("img_path")}: {num_boxes} boxes but '
                f'{num_weights} mask weights: a transform between '
                'LoadProxyAnnotations and PackProxyInputs (RandomCrop, '
                'FilterAnnotations, ...) removes boxes without their '
                'weights. Take it out of the pipeline.')
        return super().transform(results)
