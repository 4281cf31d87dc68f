import logging
from collections import defaultdict
from typing import Dict, List, Optional, Sequence, Union

import numpy as np
from mmdet.datasets import CocoDataset
from mmengine.logging import print_log
from pycocotools import mask as mask_utils
from terminaltables import AsciiTable

from mmboxcaseg import InputError
from mmboxcaseg.registry import DATASETS
from mmboxcaseg.structures import to_rle
from .base_dataset import NamesBrokenFiles
from .coco import (CocoBoxes, MaskFilter, box_area, check_class_order,
                   check_segmentations, first_few, fix_image)


@DATASETS.register_module()
class ProxyCocoDataset(NamesBrokenFiles, CocoDataset):
    """A proxy file as the training set of an instance segmenter.

    Every instance gets a ``mask_weight``, the weight of its mask in the loss
    of a mask head: ``mask_score ** mask_score_power`` if ``mask_score`` (the
    proxy box agreement of section 3.4) is ``mask_score_thr`` or more, else 0.
    ``mask_filter`` sets another rule. A ``mask_weight`` in the file replaces
    the weight. A box without a mask, or with an empty mask, has weight 0.
    Every box is kept, except those under one pixel wide or high, which mmdet
    drops; their number is printed. Crowds and boxes marked ``ignore`` are not
    trained on. Images that ``filter_cfg`` leaves out are named, and a table at
    the start says how many masks of each class are used in the others.

    Args:
        mask_score_thr (float): Masks with a lower score have weight 0
            (Table 8 of the paper). Defaults to 0.95.
        mask_score_power (float): With 0 all masks above the threshold have
            weight 1, as in the paper; with 1 their score. Defaults to 0.
        mask_filter (dict, optional): Arguments of :class:`MaskFilter`. It
            replaces ``mask_score_thr`` and ``mask_score_power``. Defaults to
            None.
        true_masks (bool): Whether a ``segmentation`` without ``mask_score``
            is a true mask of weight 1. Defaults to False: it is an error.
        few_masks (int): Warn about classes with fewer masks. Defaults to 10.
        kwargs: Arguments of :class:`mmdet.datasets.CocoDataset`.

    Raises:
        FileNotFoundError: The file or an image does not exist.
        InputError: The file is broken (see :class:`CocoBoxes`), has no masks,
            masks without the score, or another order of classes than the
            config; or a number is out of range.
    """

    def __init__(self,
                 *args,
                 mask_score_thr: float = 0.95,
                 mask_score_power: float = 0.,
                 mask_filter: Optional[dict] = None,
                 true_masks: bool = False,
                 few_masks: int = 10,
                 **kwargs) -> None:
        self.mask_filter = MaskFilter.of_dataset(mask_filter, mask_score_thr,
                                                 mask_score_power)
        # Names the setting in messages.
        self.filter_name = ('mask_score_thr'
                            if mask_filter is None else 'mask_filter')
        self.true_masks = true_masks
        self.few_masks = few_masks
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list:
        """Check and read the proxy file.

        Returns:
            list[dict]: The items of CocoDataset; every instance also has
            ``mask`` (an RLE or polygons) and ``mask_weight`` in [0, 1].
        """
        coco = self.read_boxes()
        check_class_order(coco.data['categories'], coco.classes, self.ann_file)
        boxes = self._usable_boxes(coco)
        self._check_masks(boxes, coco)
        ids = [ann['id'] for ann in boxes]
        self._weights = dict(zip(ids, self.weigh(boxes)))
        data_list = super().load_data_list()
        del self._weights
        return data_list

    def filter_data(self) -> List[dict]:
        """Apply ``filter_cfg``; print what it leaves out and what is used.

        Returns:
            list[dict]: The items that are kept.
        """
        kept = super().filter_data()
        kept_ids = {item['img_id'] for item in kept}
        self._report_images([
            item for item in self.data_list if item['img_id'] not in kept_ids
        ])
        self._report(kept)
        return kept

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """Add ``mask`` and ``mask_weight`` to all instances of an image."""
        img = raw_data_info['raw_img_info']
        fix_image(img)
        size = [img['height'], img['width']]
        data_info, instances = {}, []
        # One by one: CocoDataset does not tell which boxes it drops.
        for ann in raw_data_info['raw_ann_info'] or [None]:
            if ann:
                # CocoDataset only checks that there is a positive area.
                ann['area'] = box_area(ann)
            data_info = super().parse_data_info(
                dict(raw_img_info=img, raw_ann_info=[ann] if ann else []))
            # Empty if CocoDataset has dropped an unusable box.
            for instance in data_info['instances']:
                # LoadProxyAnnotations needs a mask of every instance.
                instance.setdefault(
                    'mask', dict(size=size, counts=[size[0] * size[1]]))
                # A crowd has no weight.
                weight = self._weights.get(ann['id'], 0.)
                # A true mask may be empty.
                if weight and _is_empty(instance['mask'], size):
                    weight = 0.
                instance['mask_weight'] = weight
                instances.append(instance)
        data_info['instances'] = instances
        return data_info

    def weigh(self, annotations: Sequence[dict]) -> List[float]:
        """Weigh the masks of a file.

        Args:
            annotations (Sequence[dict]): Its n usable annotations.

        Returns:
            list[float]: n weights in [0, 1].

        Raises:
            InputError: See :meth:`MaskFilter.weigh`.
        """
        scored = self.scored(annotations)
        found = dict(
            zip((ann['id'] for ann in scored),
                self.mask_filter.weigh(scored, self.ann_file).tolist()))
        weights = []
        for ann in annotations:
            weight = found.get(ann['id'], 0.)
            if ann.get('segmentation') and 'mask_score' not in ann:
                weight = float(ann.get('mask_weight', self.true_masks))
            weights.append(weight)
        return weights

    def scored(self, annotations: Sequence[dict]) -> List[dict]:
        """Annotations whose masks are weighed by ``mask_filter``."""
        return [
            ann for ann in annotations
            if ann.get('segmentation') and 'mask_score' in ann
        ]

    def _usable_boxes(self, coco: CocoBoxes) -> List[dict]:
        """Annotations that are trained on; print which mmdet drops."""
        boxes = [ann for anns in coco.annotations.values() for ann in anns]
        kept = [ann for ann in boxes if min(ann['bbox'][2:]) >= 1]
        if len(kept) < len(boxes):
            small = [a['id'] for a in boxes if min(a['bbox'][2:]) < 1]
            print_log(
                f'{self.ann_file}: {len(small)} of {len(boxes)} boxes left '
                'out, under one pixel wide or high: annotation '
                f'{first_few(small)}', 'current')
        return kept

    def _check_masks(self, boxes: List[dict], coco: CocoBoxes) -> None:
        masks = [ann for ann in boxes if ann.get('segmentation')]
        if not masks:
            raise InputError(
                f'{self.ann_file}: none of {len(boxes)} annotations has a '
                'mask. Make the masks with tools/label.py or '
                'tools/merge_masks.py, and set `ann_file` to their file.')
        unscored = [ann for ann in masks if 'mask_score' not in ann]
        unknown = [ann['id'] for ann in unscored if 'mask_weight' not in ann]
        if unknown and not self.true_masks:
            raise InputError(
                f'{self.ann_file}: {len(unknown)} of {len(masks)} masks have '
                f'no `mask_score`: annotation {first_few(unknown)}. If they '
                'are true masks, set `true_masks=True` of the dataset; else '
                'score them with tools/merge_masks.py.')
        check_segmentations(masks, coco.images, self.ann_file)

    def _report_images(self, left_out: List[dict]) -> None:
        """Print which images ``filter_cfg`` leaves out, and why."""
        min_size = (self.filter_cfg or {}).get('min_size', 0)
        ids: Dict[str, List[int]] = defaultdict(list)
        for item in left_out:
            is_small = min(item['width'], item['height']) < min_size
            reason = (f'with a side under {min_size} px (filter_cfg.min_size)'
                      if is_small else
                      'without boxes (filter_cfg.filter_empty_gt)')
            ids[reason].append(item['img_id'])
        for reason, found in ids.items():
            print_log(
                f'{self.ann_file}: {len(found)} of {len(self.data_list)} '
                f'images left out, {reason}: image {first_few(found)}',
                'current')

    def _report(self, data_list: List[dict]) -> None:
        """Print how many masks of every class are used."""
        weights: Dict[int, List[float]] = defaultdict(list)
        for item in data_list:
            for instance in item['instances']:
                if not instance['ignore_flag']:
                    weights[instance['bbox_label']].append(
                        instance['mask_weight'])
        rows = [['class', 'boxes', 'masks used', 'share', 'mean weight']]
        few = []
        for label, name in enumerate(self.metainfo['classes']):
            rows.append([name, *_summarize(weights[label])])
            kept = np.count_nonzero(weights[label])
            if kept < self.few_masks:
                few.append(f'{name} ({kept})')
        rows.append(['all', *_summarize(sum(weights.values(), []))])
        print_log(
            f'{self.ann_file}: boxes and masks used for training '
            f'({self.mask_filter}):\n' + AsciiTable(rows).table, 'current')
        if few:
            print_log(
                f'{len(few)} of {len(rows) - 2} classes have fewer than '
                f'{self.few_masks} masks: {first_few(few, 20)}. Set '
                f'`{self.filter_name}` so that it keeps more.', 'current',
                logging.WARNING)


def _is_empty(segmentation: Union[list, dict], size: List[int]) -> bool:
    """Whether a mask has no pixel in an image of this height and width."""
    return not mask_utils.area(to_rle(segmentation, *size))


def _summarize(weights: List[float]) -> tuple:
    """Cells of a row of the table: boxes, masks, share, mean weight."""
    if not weights:
        return 0, 0, '-', '-'
    kept = np.count_nonzero(weights)
    return (len(weights), kept, f'{kept / len(weights):.3f}',
            f'{np.mean(weights):.3f}')
