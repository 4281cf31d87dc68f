import os.path as osp
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from .coco_file import CocoFile
from .images import ImageFacts, Task, inspect_image
from .sources import Source


@dataclass
class CheckedSource:
    """A data set of a config and everything that checks look at.

    Args:
        source (Source): The data set.
        coco (CocoFile, optional): Its COCO file, if that can be read.
        tasks (list[tuple]): Its images, in the order of ``coco.images``, as
            :func:`inspect_image` takes them.
        model (dict): The model of the config.
        facts (list[ImageFacts]): Properties of its image files, one per task.
        trained (dict): Path by place and by digest of each training image.
    """
    source: Source
    coco: Optional[CocoFile]
    tasks: List[Task]
    model: dict
    facts: List[ImageFacts] = field(default_factory=list)
    trained: Dict[object, str] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The COCO file, or the folder of salient images."""
        if self.coco:
            return self.coco.path
        return self.source.dataset.data_prefix['img']

    @property
    def classes(self) -> Sequence[str]:
        """Classes of the config; those of the COCO file if it sets none."""
        classes = self.source.dataset.metainfo.get('classes')
        if classes is None and self.coco:
            return [cat['name'] for cat in self.coco.categories]
        return classes or []

    def images(self) -> Iterator[Tuple[Task, ImageFacts]]:
        """Yield the images with their facts."""
        return zip(self.tasks, self.facts)

    def inspect(self, img: dict) -> ImageFacts:
        """Read an image of the COCO file that is not among the tasks.

        Args:
            img (dict): Entry of ``images``, with ``file_name``.

        Returns:
            ImageFacts: Properties of the file.
        """
        prefix = self.source.dataset.data_prefix['img']
        path = osp.join(prefix, img['file_name'])
        return inspect_image((path, None, self.source.loader))
