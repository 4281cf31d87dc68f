from mmdet.datasets import CocoDataset
from mmengine.logging import print_log

from mmboxcaseg.proxy import check_masks
from mmboxcaseg.registry import DATASETS
from .coco_boxes import CocoBoxes


@DATASETS.register_module()
class ProxyCocoDataset(CocoDataset):
    """A proxy file as the training set of an instance segmenter.

    Every instance gets ``mask_weight``: 1 where its ``mask_score`` (the
    proxy box agreement of section 3.4) reaches the threshold, else 0. Its
    box is kept in both cases.

    Args:
        mask_score_thr (float): Masks under this score take no part in the
            loss of the mask head (Table 8 of the paper). Empty masks never
            do, nor do boxes that were not labelled. Defaults to 0.95.
        kwargs: Arguments of :class:`mmdet.datasets.CocoDataset`.

    Raises:
        FileNotFoundError: The file or an image does not exist.
        ValueError: The file is broken (see :class:`CocoBoxes`) or has no
            proxy mask.
    """

    def __init__(self, *args, mask_score_thr: float = 0.95, **kwargs) -> None:
        self.mask_score_thr = mask_score_thr
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list:
        """Check and read the proxy file.

        Returns:
            list[dict]: Items of CocoDataset, with ``mask_weight`` added to
            every instance.
        """
        coco = CocoBoxes(self.ann_file, self.data_prefix['img'],
                         self._metainfo.get('classes'))
        self._metainfo['classes'] = coco.classes
        boxes = [ann for anns in coco.annotations.values() for ann in anns]
        check_masks(boxes, self.ann_file)
        unlabelled = sum('mask_score' not in ann for ann in boxes)
        data_list = super().load_data_list()
        weights = [
            instance['mask_weight'] for item in data_list
            for instance in item['instances']
        ]
        print_log(
            f'{self.ann_file}: {sum(weights):.0f} of {len(weights)} masks '
            f'score {self.mask_score_thr} or more and are learnt; all '
            f'boxes are, of which {unlabelled} have no proxy mask.',
            logger='current')
        return data_list

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """Parse one image, annotation by annotation.

        Args:
            raw_data_info (dict): ``raw_img_info`` and ``raw_ann_info``.

        Returns:
            dict: The item of CocoDataset with ``mask_weight`` added.
        """
        img = raw_data_info['raw_img_info']
        data_info, instances = {}, []
        for ann in raw_data_info['raw_ann_info'] or [None]:
            if ann:
                # CocoDataset wants an area, a file of boxes may have none.
                ann.setdefault('area', ann['bbox'][2] * ann['bbox'][3])
            data_info = super().parse_data_info(
                dict(raw_img_info=img, raw_ann_info=[ann] if ann else []))
            # CocoDataset drops unusable boxes: then there is none.
            for instance in data_info['instances']:
                score = ann.get('mask_score', 0)
                learnt = score > 0 and score >= self.mask_score_thr
                instance['mask_weight'] = float(learnt)
                if 'mask_score' not in ann:
                    # LoadAnnotations wants a mask even where none is learnt,
                    # and takes the box of one that is bad.
                    instance['mask'] = dict(
                        size=[img['height'], img['width']],
                        counts=[img['height'] * img['width']])
                instances.append(instance)
        data_info['instances'] = instances
        return data_info
