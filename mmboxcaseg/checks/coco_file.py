from typing import List

import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import LISTS, entry_problems, list_problem
from mmboxcaseg.structures import box_units


class CocoFile:
    """A COCO file whose entries may be broken.

    Args:
        path (str): The file.
        data (dict): Its content.

    Attributes:
        path (str): As above.
        data (dict): As above.
        problems (dict[str, dict[str, list[int]]]): By kind of entry
            ('image', 'category', 'annotation') and problem, the positions of
            broken entries in their list.
        images (dict[int, dict]): Well-formed images by id.
        categories (list[dict]): Well-formed categories.
        annotations (list[dict]): Well-formed annotations, n in number.
        boxes (np.ndarray): Their boxes, has shape (n, 4).
        sizes (np.ndarray): Width and height of their images, has shape
            (n, 2).
        units (str): See :func:`box_units`.
        is_certain (bool): See :func:`box_units`.

    Raises:
        InputError: A list is missing.
    """

    def __init__(self, path: str, data: dict) -> None:
        self.path = path
        self.data = data
        problem = list_problem(data)
        if problem:
            raise InputError(f'{path} {problem}')
        self.problems = dict(entry_problems(self.data))
        self.images = {img['id']: img for img in self._good('image')}
        self.categories = self._good('category')
        self.annotations = self._good('annotation')
        self.boxes = np.array([ann['bbox'] for ann in self.annotations],
                              dtype=np.float64).reshape(-1, 4)
        images = [self.images[ann['image_id']] for ann in self.annotations]
        self.sizes = np.array([[img['width'], img['height']]
                               for img in images]).reshape(-1, 2)
        self.units, self.is_certain = box_units(self.boxes, self.sizes)

    def _good(self, kind: str) -> List[dict]:
        problems = self.problems[kind].values()
        broken = {i for positions in problems for i in positions}
        return [
            entry for i, entry in enumerate(self.data[LISTS[kind]])
            if i not in broken
        ]
