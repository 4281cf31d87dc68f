from typing import Optional, Tuple, Union

import numpy as np
import torch
from mmdet.datasets.transforms import CopyPaste, LoadAnnotations, PackDetInputs
from mmdet.structures.bbox import BaseBoxes

from mmboxcaseg import InputError
from mmboxcaseg.registry import TRANSFORMS
from mmboxcaseg.structures import (decode_window, extend_window, pixel_boxes,
                                   tight_box, to_rle)
from mmboxcaseg.structures.window_masks import WindowMasks
from .crops import check_size

Instances = Union[np.ndarray, BaseBoxes, WindowMasks]
# Keys with one entry per instance.
INSTANCE_KEYS = ('gt_bboxes', 'gt_bboxes_labels', 'gt_masks',
                 'gt_ignore_flags')


@TRANSFORMS.register_module()
class LoadProxyAnnotations(LoadAnnotations):
    """Load boxes, labels and weighted masks.

    Replaces :class:`mmdet.datasets.transforms.LoadAnnotations`; ``gt_masks``
    are :class:`WindowMasks`. A box with an empty mask, to which
    :class:`ProxyCocoDataset` gives weight 0, is kept; the stock transform
    would discard it.

    Args:
        kwargs: Arguments of LoadAnnotations. ``poly2mask`` has no effect.

    Raises:
        InputError: The image file has another size than in the JSON.
    """

    def _load_masks(self, results: dict) -> None:
        # Of the file: a transform may have resized the image before.
        shape = results['ori_shape']
        check_size(results, shape)
        instances = results.get('instances', [])
        boxes = np.array([instance['bbox'] for instance in instances])
        windows = pixel_boxes(boxes, *shape)
        parts, weights = [], []
        for number, instance in enumerate(instances):
            rle = to_rle(instance['mask'], *shape)
            # A foreign mask may extend beyond its box; it is not clipped.
            windows[number] = extend_window(windows[number], rle)
            parts.append(decode_window(rle, windows[number]).view(np.uint8))
            weights.append(instance['mask_weight'])
        results['gt_masks'] = WindowMasks(parts, windows, weights, *shape)


@TRANSFORMS.register_module()
class PackProxyInputs(PackDetInputs):
    """Pack inputs as mmdet does, with ``mask_weights`` in gt_instances.

    Replaces :class:`mmdet.datasets.transforms.PackDetInputs`.

    Raises:
        TypeError: A transform of the pipeline replaced the weighted masks.
        InputError: A transform changed image or boxes but not the masks.
    """

    mapping_table = dict(
        PackDetInputs.mapping_table, gt_mask_weights='mask_weights')

    def transform(self, results: dict) -> dict:
        """Pack an item; ``mask_weights`` is a tensor of shape (n, )."""
        masks = results['gt_masks']
        if not isinstance(masks, WindowMasks):
            raise TypeError(
                f'{results.get("img_path")}: gt_masks are '
                f'{type(masks).__name__}, which have no weights. Use '
                'mmboxcaseg.LoadProxyAnnotations instead of LoadAnnotations, '
                'and no transform that creates new masks.')
        misfit = _misfit(results['gt_bboxes'], masks, results['img'].shape)
        if misfit:
            raise InputError(
                f'{results.get("img_path")}: {misfit}. A transform between '
                'LoadProxyAnnotations and PackProxyInputs (Mosaic, MixUp, '
                '...) changes boxes but not masks: use its Cached variant, '
                'or remove it from the pipeline.')
        results['gt_mask_weights'] = masks.weights
        return super().transform(results)


@TRANSFORMS.register_module()
class ProxyCopyPaste(CopyPaste):
    """:class:`mmdet.datasets.transforms.CopyPaste` with weighted masks.

    Instances whose mask has weight 0 are not pasted, because their pixels are
    unknown. If pasted instances cover them, they keep the visible part of
    their box.

    Args:
        kwargs: Arguments of CopyPaste. ``paste_by_box`` has no effect.
    """

    def _copy_paste(self, dst_results: dict, src_results: dict) -> dict:
        source = {
            key: src_results[key][src_results['gt_masks'].weights > 0]
            for key in INSTANCE_KEYS
        }
        cover = source['gt_masks'].to_ndarray().any(axis=0)
        masks, boxes = dst_results['gt_masks'], dst_results['gt_bboxes']
        visible = _uncover(masks, cover)
        cut = visible.get_bboxes(type(boxes)).tensor
        cut = torch.where(
            torch.from_numpy(visible.areas < masks.areas)[:, None], cut,
            boxes.tensor)
        unchanged = (cut - boxes.tensor).abs() <= self.bbox_occluded_thr
        # As mmdet: an instance stays if its box hardly changed, too.
        kept = (visible.areas > self.mask_occluded_thr) | (
            (visible.areas > 0) & unchanged.all(dim=1).numpy())

        dst_results['gt_masks'], boxes.tensor = visible, cut
        for key in INSTANCE_KEYS:
            dst_results[key] = _cat(dst_results[key][kept], source[key])
        dst_results['img'] = np.where(cover[..., None], src_results['img'],
                                      dst_results['img'])
        return dst_results


def _misfit(boxes: BaseBoxes, masks: WindowMasks,
            img_shape: Tuple[int, ...]) -> Optional[str]:
    """Find out whether masks match the boxes and the image."""
    if len(boxes) != len(masks):
        return f'{len(boxes)} boxes but {len(masks)} masks'
    size, wanted = (masks.height, masks.width), tuple(img_shape[:2])
    if size != wanted:
        return f'the image has shape {wanted} but its masks {size}'
    boxes = np.asarray(getattr(boxes, 'tensor', boxes))
    # Rounding in transforms can move boxes and windows apart by a pixel.
    low = np.maximum(boxes[:, :2], masks.windows[:, :2] - 1)
    high = np.minimum(boxes[:, 2:], masks.windows[:, 2:] + 1)
    apart = np.flatnonzero((low > high).any(axis=1))
    if len(apart):
        i = apart[0]
        return (f'box {boxes[i].round(1).tolist()} and its mask in '
                f'{masks.windows[i].tolist()} lie apart')
    return None


def _uncover(masks: WindowMasks, cover: np.ndarray) -> WindowMasks:
    """Clip masks and windows to what the mask ``cover`` (H, W) leaves free."""
    parts, windows = [], []
    for part, extent, (x0, y0, x1, y1) in zip(masks.parts, masks.extents,
                                              masks.windows):
        free = ~cover[y0:y1, x0:x1]
        left, top, right, bottom = tight_box(extent & free)
        parts.append((part & free)[top:bottom, left:right])
        windows.append([x0 + left, y0 + top, x0 + right, y0 + bottom])
    return WindowMasks(parts, windows, masks.weights, masks.height,
                       masks.width)


def _cat(first: Instances, second: Instances) -> Instances:
    """Concatenate boxes, masks or arrays."""
    if isinstance(first, np.ndarray):
        return np.concatenate([first, second])
    return first.cat([first, second])
