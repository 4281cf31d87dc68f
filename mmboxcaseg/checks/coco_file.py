from typing import Dict, List

import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import LISTS, entry_problems, list_problem
from mmboxcaseg.structures import box_units


def box_array(annotations: List[dict]) -> np.ndarray:
    """Boxes of annotations, has shape (n, 4)."""
    boxes = [ann['bbox'] for ann in annotations]
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def image_sizes(annotations: List[dict], images: Dict[int,
                                                      dict]) -> np.ndarray:
    """Width and height of the images of annotations, has shape (n, 2)."""
    of_each = [images[ann['image_id']] for ann in annotations]
    sizes = [(img['width'], img['height']) for img in of_each]
    return np.array(sizes).reshape(-1, 2)


class CocoFile:
    """A COCO file whose entries may be broken.

    Args:
        path (str): The file.
        data (dict): Its content.

    Attributes:
        problems (dict[str, dict[str, list[int]]]): Positions of the broken
            entries in their list, by kind of entry ('image', 'category',
            'annotation') and by problem.
        images (dict[int, dict]): Well-formed images by id.
        categories (list[dict]): Well-formed categories.
        annotations (list[dict]): The n well-formed annotations.
        boxes (np.ndarray): Their boxes, has shape (n, 4).
        sizes (np.ndarray): (n, 2), width and height of their images.
        units, is_certain (str, bool): See :func:`box_units`.

    Raises:
        InputError: A list is missing.
    """

    def __init__(self, path: str, data: dict) -> None:
        self.path, self.data = path, data
        problem = list_problem(data)
        if problem:
            raise InputError(f'{path} {problem}')
        self.problems = dict(entry_problems(self.data))
        self.images = {img['id']: img for img in self._good('image')}
        self.categories = self._good('category')
        self.annotations = self._good('annotation')
        self.boxes = box_array(self.annotations)
        self.sizes = image_sizes(self.annotations, self.images)
        self.units, self.is_certain = box_units(self.boxes, self.sizes)

    def _good(self, kind: str) -> List[dict]:
        problems = self.problems[kind].values()
        broken = {i for positions in problems for i in positions}
        return [
            entry for i, entry in enumerate(self.data[LISTS[kind]])
            if i not in broken
        ]
