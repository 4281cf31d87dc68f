import os.path as osp
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from mmcv.transforms import LoadImageFromFile
from mmdet.datasets import CocoDataset
from mmengine.dataset import BaseDataset

from mmboxcaseg.datasets import SalientDataset
from mmboxcaseg.datasets.coco import is_ignored
from .coco_file import CocoFile
from .images import ImageFacts, Task, inspect_image

LOADERS = ('train_dataloader', 'label_dataloader', 'val_dataloader',
           'test_dataloader')


@dataclass
class CheckedSource:
    """A data set of a config and everything that checks look at.

    Args:
        dataset (BaseDataset): The data set, built but not loaded.
        loaders (list[str]): The data loaders that contain it.
        loader (LoadImageFromFile): The transform that loads its images.
        needs_masks (bool): Whether the masks of a COCO file are used.
        has_stock_metric (bool): Whether mmdet's CocoMetric with ``ann_file``
            evaluates on it.
        model (dict): The model of the config.
        coco (CocoFile, optional): Its COCO file, if that can be read.
        tasks (list[tuple]): Its images, in the order of ``coco.images``, as
            :func:`inspect_image` takes them.
        facts (list[ImageFacts]): Properties of its image files, one per task.
        trained (dict): Paths of all training images, by place and by digest.
    """
    dataset: BaseDataset
    loaders: List[str]
    loader: LoadImageFromFile
    needs_masks: bool
    has_stock_metric: bool
    model: dict
    coco: Optional[CocoFile] = None
    tasks: List[Task] = field(default_factory=list)
    facts: List[ImageFacts] = field(default_factory=list)
    trained: Dict[object, str] = field(default_factory=dict)

    @property
    def is_salient(self) -> bool:
        """Whether it is a data set of salient images."""
        return isinstance(self.dataset, SalientDataset)

    @property
    def is_detection(self) -> bool:
        """Whether a detector of mmdet reads it."""
        return isinstance(self.dataset, CocoDataset)

    @property
    def is_trained(self) -> bool:
        """Whether it is used for training."""
        return LOADERS[0] in self.loaders

    @property
    def is_tested(self) -> bool:
        """Whether it is used for validation or test."""
        return any(name in LOADERS[2:] for name in self.loaders)

    @property
    def where(self) -> str:
        """The COCO file, or the folder of salient images."""
        if self.is_salient:
            return self.dataset.data_prefix['img']
        return self.dataset.ann_file

    @property
    def classes(self) -> Sequence[str]:
        """Classes of the config, or of the COCO file if it sets none."""
        classes = self.dataset.metainfo.get('classes')
        if classes is None and self.coco:
            return [cat['name'] for cat in self.coco.categories]
        return classes or []

    @property
    def annotations(self) -> List[dict]:
        """Well-formed annotations of classes in use, without ignored ones."""
        ids = {
            cat['id']
            for cat in self.coco.categories if cat['name'] in self.classes
        }
        return [
            ann for ann in self.coco.annotations
            if ann['category_id'] in ids and not is_ignored(ann)
        ]

    def images(self) -> Iterator[Tuple[Task, ImageFacts]]:
        """Yield the images with their facts."""
        return zip(self.tasks, self.facts)

    def task(self, img: dict) -> Task:
        """How to load an image that the COCO file lists."""
        path = osp.join(self.dataset.data_prefix['img'], img['file_name'])
        return path, None, self.loader

    def inspect(self, img: dict) -> ImageFacts:
        """Read an image of the COCO file that is not among the tasks."""
        return inspect_image(self.task(img))
