"""A labeller made of an ONNX network that maps a crop to its foreground.

Letters in shapes: N crops of a chunk, S side of a crop, (h', w') size of the
network's maps.
"""
from pathlib import Path
from typing import Optional

import numpy as np
import torch
from torch import Tensor, nn

from mmboxcaseg import InputError
from mmboxcaseg.registry import MODELS
from .map_labeller import MapLabeller


@MODELS.register_module()
class OnnxLabeller(MapLabeller):
    """A saliency or matting network, or an exported labeller, in ONNX.

    ONNX Runtime runs it, on the GPU if onnxruntime-gpu is installed. Its
    input is a batch of images of shape (N, 3, S, S), float32. Its maps have
    the shape (N, 1, h', w') or (N, h', w'). The data set sets the size of the
    crops and their margin (``crop_size``, ``margins`` of :class:`CropBoxes`);
    ``data_preprocessor`` sets colour order and normalisation.

    Args:
        weights (str, optional): The ONNX file. tools/label.py sets it.
        test_cfg (dict): ``output``: index of the output that is the map,
            from the end if it is negative; ``sigmoid``: whether the map
            contains logits; and the options of :class:`MapLabeller`.
            ``chunk`` has no effect on a network with a fixed batch size.
        data_preprocessor (dict, optional): Config of the preprocessor.

    Raises:
        InputError: ONNX Runtime is not installed, or the file cannot be
            loaded.
    """

    TEST_CFG = dict(MapLabeller.TEST_CFG, output=0, sigmoid=False)

    def __init__(self,
                 weights: Optional[str] = None,
                 test_cfg: dict = dict(),
                 data_preprocessor: Optional[dict] = None) -> None:
        super().__init__(test_cfg, data_preprocessor)
        if not weights:
            raise InputError(
                'OnnxLabeller has no weights: give an ONNX file as CHECKPOINT '
                'of tools/label.py, or set model.weights.')
        self.weights, self.weights_name = weights, Path(weights).stem
        self.session = _open(weights)
        self.input, = self.session.get_inputs()[:1]
        # DistributedDataParallel refuses a model without parameters.
        self.unused = nn.Parameter(torch.zeros(()))

    @property
    def chunk(self) -> int:
        """Crops per forward pass: the network's batch size if it is fixed."""
        fixed = self.input.shape[0]
        return fixed if isinstance(fixed, int) else self.test_cfg['chunk']

    def foreground(self, crops: Tensor) -> Tensor:
        """Predict the foreground of one chunk.

        Args:
            crops (Tensor): Normalised crops, has shape (N, 3, S, S).

        Returns:
            Tensor: Probabilities, float32, has shape (N, h', w').

        Raises:
            InputError: The input or the output of the network does not match
                the config.
        """
        self._check_input(tuple(crops.shape))
        maps = self._select(self._run(crops), len(crops))
        if maps.isnan().any():
            raise InputError(f'{self.weights} predicts NaN. If it was made '
                             'smaller (float16), use the original one.')
        if self.test_cfg['sigmoid']:
            return maps.sigmoid()
        low, high = maps.aminmax()
        if low < -0.01 or high > 1.01:
            raise InputError(
                f'{self.weights} predicts values from {low:.3g} to {high:.3g},'
                ' not probabilities: set model.test_cfg.sigmoid=True '
                'if they are logits, or another model.test_cfg.output.')
        return maps.clip(0, 1)

    def _run(self, crops: Tensor) -> list:
        """Run the network and return all its outputs."""
        images = np.ascontiguousarray(crops.cpu().numpy())
        try:
            return self.session.run(None, {self.input.name: images})
        except Exception as error:  # ONNX Runtime has its own error classes
            first, *_ = str(error).splitlines() or ['']
            raise InputError(
                f'{self.weights} fails on crops of shape {images.shape}, '
                f'float32: {first}. Set '
                'label_dataloader.dataset.crop_size to its image size, or '
                'export it again for such an input alone.') from error

    def _check_input(self, given: tuple) -> None:
        wanted = self.input.shape
        fits = len(wanted) == 4 and all(
            not isinstance(size, int) or size == own
            for size, own in zip(wanted, given))
        if not fits:
            raise InputError(
                f'{self.weights} takes inputs of shape {wanted}, not {given}: '
                'set label_dataloader.dataset.crop_size to its image size; if '
                'it takes 4 channels, also box_map=True of PackCrops. Images '
                'must be square, channels first.')

    def _select(self, outputs: list, num: int) -> Tensor:
        """Select the map (N, h', w') of ``num`` crops among all outputs."""
        number = self.test_cfg['output']
        if not -len(outputs) <= number < len(outputs):
            raise InputError(
                f'{self.weights} has {len(outputs)} outputs: there is no '
                f'model.test_cfg.output={number}.')
        maps = torch.as_tensor(outputs[number]).float()
        if maps.ndim == 4 and maps.shape[1] == 1:
            maps = maps[:, 0]
        if maps.ndim != 3 or len(maps) != num:
            raise InputError(
                f'output {number} of {self.weights} has the shape '
                f'{np.shape(outputs[number])}, not ({num}, 1, h, w): set '
                'model.test_cfg.output to the output that is the map.')
        return maps


def _open(path: str) -> object:
    """Open an ONNX file, with as many threads as PyTorch uses."""
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(
            f'OnnxLabeller needs a package that is missing: {error}. Install '
            'it with: pip install "mmboxcaseg[onnx]"') from error
    providers = ['CPUExecutionProvider']
    if torch.cuda.is_available():
        # In distributed runs each process uses its own GPU.
        device = dict(device_id=torch.cuda.current_device())
        providers.insert(0, ('CUDAExecutionProvider', device))
    # A provider is a name, or a tuple of a name and options.
    known = onnxruntime.get_available_providers()
    providers = [p for p in providers if p in known or p[0] in known]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(path, options, providers)
    except Exception as error:  # ONNX Runtime has its own error classes
        raise InputError(f'{path} cannot be loaded as an ONNX file: '
                         f'{str(error).splitlines()[0]}') from error
