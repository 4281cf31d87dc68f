import math
from typing import Iterator, Optional, Sequence

import numpy as np
from matplotlib.figure import Figure
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import get_box_tensor
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmboxcaseg.registry import HOOKS
from mmboxcaseg.visualization.drawing import Instance, draw, to_array


@HOOKS.register_module()
class BatchVisualizationHook(Hook):
    """Draw the images, boxes and masks that a detector is trained with.

    They are drawn after augmentation. A mask with weight 0 is not used in the
    loss: it is grey and its box is dotted. A weight between 0 and 1 is
    written next to the class. The figure goes to all
    visualization backends, as ``batch``. Only the first process draws.

    Args:
        interval (int): Iterations between two figures; the first batch is
            drawn. Defaults to 500.
        num_images (int): Images of the batch to draw. Defaults to 4.
    """

    def __init__(self, interval: int = 500, num_images: int = 4) -> None:
        self.interval, self.num_images = interval, num_images

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: Optional[dict] = None) -> None:
        """Draw every ``interval`` iterations.

        Args:
            runner (Runner): The runner of the training.
            batch_idx (int): Not used.
            data_batch (dict): ``inputs``, a list of BGR images of shape
                (3, H, W), uint8, and ``data_samples``, one per image.
        """
        if runner.iter % self.interval == 0 and is_main_process():
            classes = runner.train_dataloader.dataset.metainfo['classes']
            figure = self._draw(data_batch['inputs'],
                                data_batch['data_samples'], classes)
            runner.visualizer.add_image('batch', figure, runner.iter)

    def _draw(self, images: Sequence[Tensor], samples: Sequence[DetDataSample],
              classes: Sequence[str]) -> np.ndarray:
        num = min(self.num_images, len(images))
        columns = min(num, 2)
        rows = math.ceil(num / columns)
        figure = Figure(figsize=(6 * columns, 5 * rows), layout='constrained')
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax in axes:
            ax.axis('off')
        for ax, img, sample in zip(axes, images[:num], samples):
            rgb = img.numpy()[::-1].transpose(1, 2, 0)
            draw(ax, rgb, list(_instances(sample, classes)))
        return to_array(figure)


def _instances(sample: DetDataSample,
               classes: Sequence[str]) -> Iterator[Instance]:
    """Yield the objects of an image, for drawing."""
    gt = sample.gt_instances
    # Data sets with true masks have no weights.
    weights = gt.get('mask_weights', np.ones(len(gt)))
    boxes = get_box_tensor(gt.bboxes).tolist()
    for box, label, mask, weight in zip(boxes, gt.labels, gt.masks, weights):
        x0, y0, x1, y1 = box
        text = classes[label]
        if 0 < weight < 1:
            text += f' {weight:.2f}'
        yield Instance((x0, y0, x1 - x0, y1 - y0), mask, text, weight == 0)
