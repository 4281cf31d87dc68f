"""A labeller that runs a promptable model of `transformers`.

Letters in shapes: n boxes of an image, H and W its size, k masks per box,
(h', w') size of the model's maps.
"""
import os.path as osp
from typing import Optional, Sequence, Tuple

import torch
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmboxcaseg import InputError
from mmboxcaseg.registry import MODELS
from .base_labeller import BaseLabeller
from .prompt_masks import PromptMasks


@MODELS.register_module()
class PromptableLabeller(BaseLabeller):
    """SAM, SAM 2 or a model with the same interface, prompted with boxes.

    It takes whole images (:class:`PromptBoxes`), encodes each once, and
    decodes its boxes in chunks. Images are independent of each other, so
    masks do not depend on the batch. The model is one of
    ``AutoModelForMaskGeneration`` of transformers, among them SAM, SlimSAM,
    SAM-HQ, SAM 2 and EdgeTAM.

    Args:
        weights (str, optional): Folder that transformers saved
            (config.json, preprocessor_config.json, model.safetensors), or
            name of such a model on the Hugging Face Hub. tools/label.py sets
            it.
        test_cfg (dict): ``chunk``: boxes per pass of the mask decoder;
            ``multimask``: whether the model predicts several masks per box;
            the one with the highest predicted IoU is used. Defaults to False:
            one mask, as the authors of SAM recommend for boxes.

    Raises:
        InputError: transformers is not installed, or the model cannot be
            loaded.
    """

    TEST_CFG = dict(chunk=16, multimask=False)

    def __init__(self,
                 weights: Optional[str] = None,
                 test_cfg: dict = dict()) -> None:
        super().__init__(test_cfg)
        if not weights:
            raise InputError(
                'PromptableLabeller has no weights: give a folder of '
                'transformers, or a name on the Hugging Face Hub, as '
                'CHECKPOINT of tools/label.py, or set model.weights.')
        self.weights_name = osp.basename(weights.rstrip('/'))
        self.weights = _find_folder(weights)
        self.network, self.processor = _load(self.weights)

    @torch.no_grad()
    def predict(self, inputs: Sequence[Tensor], data_samples: list) -> list:
        """Segment the object in every box.

        Args:
            inputs (Sequence[Tensor]): Images, BGR, uint8, each has shape
                (1, 3, H, W).
            data_samples (list[DetDataSample]): One per image, with
                ``bboxes`` and ``windows`` in ``gt_instances``, see
                :class:`PromptBoxes`.

        Returns:
            list[DetDataSample]: With ``pred_instances.masks``, see
            :class:`PromptMasks`.
        """
        for img, sample in zip(inputs, data_samples):
            gt = sample.gt_instances
            boxes = torch.as_tensor(gt.bboxes, device=img.device)
            masks = PromptMasks(*self._segment(img[0].flip(0), boxes),
                                gt.windows)
            sample.pred_instances = InstanceData(masks=masks)
        return data_samples

    def _segment(self, img: Tensor,
                 boxes: Tensor) -> Tuple[Tensor, Tensor, tuple]:
        """Predict logits (n, h', w'), IoUs (n, ) and the view of the maps.

        The image is RGB, (3, H, W); the boxes (n, 4) are in its pixels.
        """
        pixels = self.processor(img, return_tensors='pt')['pixel_values']
        self._check_size(*pixels.shape[2:])
        scale = self._scale(*img.shape[1:])
        boxes = boxes.float() * boxes.new_tensor(scale * 2)
        view = (0, 0, pixels.shape[3] / scale[0], pixels.shape[2] / scale[1])
        features = self._encode(pixels)
        logits, ious = [], []
        for chunk in boxes.split(self.test_cfg['chunk']):
            out = self.network(
                input_boxes=chunk[None],
                multimask_output=self.test_cfg['multimask'],
                **features)
            scores = out.iou_scores[0].float()  # (n, k)
            best, rows = scores.argmax(1), torch.arange(len(scores))
            logits.append(out.pred_masks[0].float()[rows, best])
            ious.append(scores[rows, best])
        return torch.cat(logits), torch.cat(ious), view

    def _check_size(self, height: int, width: int) -> None:
        """Check the size of the input.

        The model scales boxes by the size in its config, not by the size of
        its input: another size would shift all masks without an error.
        """
        side = self.network.config.prompt_encoder_config.image_size
        if (height, width) != (side, side):
            raise InputError(
                f'{self.weights}: preprocessor_config.json makes images of '
                f'{width}x{height} pixels, config.json describes a model for '
                f'{side}x{side}. Use the two files of one model.')

    def _encode(self, pixels: Tensor) -> dict:
        """Encode an image (1, 3, S, S), as arguments of the network."""
        features = self.network.get_image_embeddings(pixels)
        if isinstance(features, tuple):  # SAM-HQ
            return dict(zip(_HQ_FEATURES, features))
        return dict(image_embeddings=features)

    def _scale(self, height: int, width: int) -> Tuple[float, float]:
        """Pixels of the network's input per pixel of the image, in x and y.

        SAM keeps the aspect and pads on the right and below; SAM 2 does not.
        """
        size = self.processor.size
        if 'longest_edge' in size:
            ratio = size['longest_edge'] / max(height, width)
            return tuple(int(v * ratio + 0.5) / v for v in (width, height))
        return size['width'] / width, size['height'] / height


_HQ_FEATURES = ('image_embeddings', 'intermediate_embeddings')


def _find_folder(weights: str) -> str:
    """Find the folder of a model; download it if it is a name."""
    if osp.isdir(weights):
        return weights
    try:
        from huggingface_hub import snapshot_download
        return snapshot_download(
            weights, allow_patterns=['*.json', '*.safetensors'])
    except ImportError as error:
        raise _missing(error) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f'{weights} is not a folder, and cannot be loaded from the '
            f'Hugging Face Hub ({str(error).splitlines()[0]}). Give a folder '
            'that transformers saved, or correct the name.') from error


def _load(folder: str) -> Tuple[nn.Module, object]:
    """Load the model and the image processor of a folder."""
    try:
        from transformers import AutoImageProcessor, AutoModelForMaskGeneration
    except ImportError as error:
        raise _missing(error) from error
    try:
        network, info = AutoModelForMaskGeneration.from_pretrained(
            folder, use_safetensors=True, output_loading_info=True)
        # Fast processors work on tensors, on the device of the image.
        processor = AutoImageProcessor.from_pretrained(folder, use_fast=True)
    except Exception as error:  # transformers raises many kinds
        raise InputError(
            f'{folder} cannot be loaded as a promptable model: '
            f'{type(error).__name__}: {str(error).splitlines()[0]}. It needs '
            'config.json, preprocessor_config.json and model.safetensors of a '
            'SAM, SAM 2 or SAM-HQ model.') from error
    if info['missing_keys']:
        raise InputError(
            f'{folder} lacks {len(info["missing_keys"])} weights of its '
            f'model, such as {sorted(info["missing_keys"])[0]}: download it '
            'again.')
    return network, processor


def _missing(error: ImportError) -> InputError:
    return InputError(
        f'PromptableLabeller needs a package that is missing: {error}. '
        'Install it with: pip install "mmboxcaseg[sam]"')
