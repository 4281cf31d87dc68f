import random
from contextlib import contextmanager
from itertools import chain, islice
from typing import Dict, Iterator, Optional

import numpy as np
import torch
from matplotlib.figure import Figure
from mmdet.structures import DetDataSample
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmboxcaseg.models import BoxCaseg
from mmboxcaseg.registry import DATASETS, HOOKS
from mmboxcaseg.visualization.drawing import Instance, draw, to_array


@HOOKS.register_module()
class LabellerVisualizationHook(Hook):
    """Draw what a labeller predicts for a few crops during training.

    The crops are always the first ones of the validation set or, without
    one, of ``label_dataloader``. A row shows the crop, the probabilities of
    each head, and the mask. The figure goes to all visualization backends, as
    ``labeller``. Only the first process draws. The losses of the training
    are bit-identical with and without the hook.

    Args:
        interval (int): Iterations between two figures. Defaults to 500.
        num_crops (int): Number of crops, one batch. Defaults to 8.

    Raises:
        TypeError: The model is not a labeller.
    """

    def __init__(self, interval: int = 500, num_crops: int = 8) -> None:
        self.interval, self.num_crops = interval, num_crops

    def before_train(self, runner: Runner) -> None:
        """Load the crops.

        Args:
            runner (Runner): The runner of the training.
        """
        model = runner.model
        self.model = model.module if is_model_wrapper(model) else model
        if not isinstance(self.model, BoxCaseg):
            raise TypeError(
                f'{type(self).__name__} needs a labeller, but the model is a '
                f'{type(self.model).__name__}: use '
                'mmboxcaseg.BatchVisualizationHook for its training batches '
                'and DetVisualizationHook for its predictions.')
        if is_main_process():
            with _unchanged_randomness():
                self.crops = self._load_crops(runner)

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        """Draw every ``interval`` iterations.

        Args:
            runner (Runner): The runner of the training.
            batch_idx, data_batch, outputs: Not used.
        """
        is_due = self.every_n_train_iters(runner, self.interval)
        if is_due and is_main_process():
            # The loop counts this iteration only after its hooks.
            step = runner.iter + 1
            runner.visualizer.add_image('labeller', self._draw(), step)

    def _load_crops(self, runner: Runner) -> Tensor:
        """Load crops, BGR, of shape (K, 3 or 4, S, S), uint8."""
        if runner.val_loop is not None:
            dataset = runner.val_loop.dataloader.dataset
        else:
            dataset = DATASETS.build(runner.cfg.label_dataloader.dataset)
        items = (dataset[i]['inputs'] for i in range(len(dataset)))
        crops = islice(chain.from_iterable(items), self.num_crops)
        return torch.stack(list(crops))

    @torch.no_grad()
    def _draw(self) -> np.ndarray:
        """Draw the crops as the model sees them now, (H, W, 3), RGB."""
        size = self.crops.shape[2]
        # Each crop is its own window, so masks have the size of the crops.
        windows = np.tile([0, 0, size, size], (len(self.crops), 1))
        sample = DetDataSample(gt_instances=InstanceData(windows=windows))
        with _evaluated(self.model):
            data = self.model.data_preprocessor(dict(inputs=[self.crops]))
            logits = self.model.logit_maps(data['inputs'])
            self.model.predict(data['inputs'], [sample])
        maps = {k: v.sigmoid().cpu().numpy() for k, v in logits.items()}
        # BGR to RGB; it also drops the fourth channel, if crops have one.
        crops = self.crops.numpy()[:, 2::-1].transpose(0, 2, 3, 1)
        return _draw_rows(crops, maps, np.stack(sample.pred_instances.masks),
                          self.model.test_cfg['output'])


def _draw_rows(crops: np.ndarray, maps: Dict[str, np.ndarray],
               masks: np.ndarray, output: str) -> np.ndarray:
    """Draw RGB crops (K, S, S, 3), probabilities by head, each (K, S, S), and
    masks (K, S, S), which are made from the map ``output``."""
    names = ['crop', *maps, f'mask ({output})']
    size = 1.6 * len(names), 1.6 * len(crops) + 0.3
    figure = Figure(figsize=size, layout='constrained')
    axes = figure.subplots(len(crops), len(names), squeeze=False)
    for ax, name in zip(axes[0], names):
        ax.set_title(name, fontsize=9)
    box = (0, 0, *masks.shape[:0:-1])
    for k, row in enumerate(axes):
        draw(row[0], crops[k], [])
        for ax, probs in zip(row[1:], maps.values()):
            ax.imshow(probs[k], cmap='viridis', vmin=0, vmax=1)
            ax.axis('off')
        draw(row[-1], crops[k], [Instance(box, masks[k])])
    return to_array(figure)


@contextmanager
def _evaluated(model: nn.Module) -> Iterator[None]:
    """Put a model in evaluation mode, then restore the mode of each module."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _unchanged_randomness() -> Iterator[None]:
    """Restore the random states of the CPU: loading a crop uses them, and so
    does training without workers, which loads data in the same process."""
    states = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
