"""Label boxes of single images, without annotation files or a runner."""
from copy import deepcopy
from os import PathLike, fspath
from typing import Optional, Sequence, Tuple, Union

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from torch import nn

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import describe, image_problem, read_image
from mmboxcaseg.datasets.concat_crops import check_crop_sizes
from mmboxcaseg.engine.checkpoint import safe_checkpoints, set_weights
from mmboxcaseg.proxy import estimate_iou, merge_and_score
from mmboxcaseg.registry import MODELS, builds
from mmboxcaseg.structures import box_faults


def init_labeller(config: Union[str, PathLike, Config],
                  checkpoint: Union[str, PathLike, None] = None,
                  device: Optional[str] = None,
                  trust_checkpoint: bool = False) -> nn.Module:
    """Build a labeller that is ready to use.

    Args:
        config (str | PathLike | Config): Config of the labeller, or its path.
        checkpoint (str | PathLike, optional): Its checkpoint, or other
            weights, see :func:`set_weights`. Defaults to None: random
            weights.
        device (str, optional): For example 'cuda:0'. Defaults to the best
            device of the machine.
        trust_checkpoint (bool): Whether to load a checkpoint that could run
            code, see :func:`safe_checkpoints`. Defaults to False.

    Returns:
        nn.Module: The labeller, for :func:`label_boxes`.

    Raises:
        FileNotFoundError: The config does not exist.
        InputError: The config is not a labeller's config, or the checkpoint
            does not exist or does not belong to its model.
    """
    cfg = config if isinstance(config, Config) else Config.fromfile(config)
    cfg = deepcopy(cfg)  # changed below
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    if 'label_dataloader' not in cfg:
        raise InputError(f'{cfg.filename} has no `label_dataloader`, so it is '
                         'not the config of a labeller.')
    check_crop_sizes(cfg)
    if checkpoint is not None:
        checkpoint = set_weights(cfg, fspath(checkpoint))
    model = MODELS.build(cfg.model)
    if checkpoint is not None:
        with safe_checkpoints(trust_checkpoint):
            _load_all_weights(model, checkpoint, cfg.filename)
    # Chunks are padded to their full size: small ones suit a few boxes.
    model.test_cfg['chunk'] = min(model.test_cfg['chunk'], 4)
    # label_boxes() passes a loaded image, so this transform is left out.
    model.label_pipeline = Compose([
        transform for transform in cfg.label_dataloader.dataset.pipeline
        if not builds(transform, 'LoadImageFromFile')
    ])
    model.crop_size = cfg.label_dataloader.dataset.get('crop_size')
    return model.to(device or get_device()).eval()


@torch.no_grad()
def label_boxes(model: nn.Module,
                image: Union[str, PathLike, np.ndarray],
                boxes: Sequence[Sequence[float]],
                merge: Union[bool, str] = True,
                with_expected_iou: bool = False) -> Tuple[np.ndarray, ...]:
    """Turn the boxes of one image into masks.

    Args:
        model (nn.Module): Labeller from :func:`init_labeller`.
        image (str | PathLike | np.ndarray): Path of the image, or the image
            itself, BGR, has shape (H, W, 3), uint8.
        boxes (Sequence): Boxes in pixels, xyxy, has shape (n, 4).
        merge (bool | str): Whether to give each pixel to the smallest box
            that contains it (section 3.4), so that masks do not overlap; or
            another rule of :func:`merge_masks`. Defaults to True.
        with_expected_iou (bool): Whether to return the expected IoUs, too.
            Defaults to False.

    Returns:
        tuple[np.ndarray]: Masks, boolean, has shape (n, H, W), their scores
        (proxy box agreement) in [0, 1], has shape (n, ), and with
        ``with_expected_iou`` their :func:`estimate_iou`, NaN where the model
        gives no probabilities, has shape (n, ).

    Raises:
        FileNotFoundError: The image does not exist.
        InputError: The image cannot be read or has another form, the boxes
            have another shape, a box has no area inside the image, or an
            expected IoU is not finite.
    """
    path = 'the image'
    if isinstance(image, (str, PathLike)):
        path = image = fspath(image)
    img = _load(image)
    height, width = img.shape[:2]
    boxes = _check_boxes(boxes, height, width)
    masks = np.zeros((len(boxes), height, width), dtype=bool)
    if not len(boxes):
        return (masks, *np.zeros((1 + with_expected_iou, 0)))
    sample = _predict(model, img, path, boxes)
    gt = sample.gt_instances
    predicted = sample.pred_instances.masks
    # Masks of other models may have neither.
    probability = getattr(predicted, 'probability', None)
    expected_ious = getattr(predicted, 'expected_ious', None)
    rules = {True: 'box', False: None}
    window_masks, scores = merge_and_score(
        predicted,
        gt.windows,
        gt.areas,
        merge_by=rules.get(merge, merge),
        probability=probability)
    for mask, inside, (x0, y0, x1, y1) in zip(masks, window_masks, gt.windows):
        mask[y0:y1, x0:x1] = inside
    if not with_expected_iou:
        return masks, np.array(scores)
    ious = [
        estimate_iou(mask, i, probability, expected_ious, f'box {i}')
        for i, mask in enumerate(window_masks)
    ]
    return masks, np.array(scores), np.array(ious, dtype=np.float64)


def _load_all_weights(model: nn.Module, checkpoint: str, config: str) -> None:
    try:
        load_checkpoint(model, checkpoint, map_location='cpu', strict=True)
    except RuntimeError as error:
        raise InputError(
            f'{checkpoint} does not fit the model of {config}. Use the config '
            'that it was trained with, with the same heads.') from error


def _load(image: Union[str, np.ndarray]) -> np.ndarray:
    if isinstance(image, str):
        code = image_problem(image)
        if code:
            raise InputError(f'{image}: {describe(code)}.')
        image = read_image(image)
    if not isinstance(image, np.ndarray):
        # None, for example, is what cv2.imread() returns for a missing file.
        raise InputError('the image must be a path or a NumPy array, not '
                         f'{type(image).__name__}.')
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError('the image must be BGR, (H, W, 3), uint8; it is '
                         f'{image.shape}, {image.dtype}.')
    return image


def _predict(model: nn.Module, img: np.ndarray, path: str,
             boxes: np.ndarray) -> DetDataSample:
    """Predict the masks of boxes (n, 4), xyxy, of an image."""
    instances = [
        dict(
            bbox=box, bbox_label=0, ann_id=i, area=np.prod(box[2:] - box[:2]))
        for i, box in enumerate(boxes)
    ]
    item = model.label_pipeline(
        dict(
            img=img,
            img_path=path,
            height=img.shape[0],
            width=img.shape[1],
            crop_size=model.crop_size,
            instances=instances))
    sample, = model.test_step({key: [value] for key, value in item.items()})
    return sample


def _check_boxes(boxes: Sequence[Sequence[float]], height: int,
                 width: int) -> np.ndarray:
    """Boxes as an array of shape (n, 4); see :func:`label_boxes`."""
    boxes = np.asarray(boxes, dtype=np.float64)
    if boxes.size and (boxes.ndim != 2 or boxes.shape[1] != 4):
        raise InputError(f'boxes must have shape (n, 4), not {boxes.shape}.')
    boxes = boxes.reshape(-1, 4)
    faults = box_faults(boxes, (width, height))
    bad = np.any(list(faults.values()), axis=0)
    if bad.any():
        worst = int(np.argmax(bad))
        raise InputError(
            f'box {worst} (counted from 0), [x0, y0, x1, y1] = '
            f'{boxes[worst].tolist()}, has no area inside the image of '
            f'{width}x{height} pixels: x0 < x1 and y0 < y1 must hold, and the '
            'box must reach into the image.')
    return boxes
