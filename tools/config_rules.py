"""The rules by which new_dataset.py chooses sizes and schedules.

They are listed in its docstring, which is also its help.
"""
import math
from typing import List, NamedTuple, Sequence, Tuple

import numpy as np

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import CocoBoxes

# A batch of the labeller on one GPU: 9 boxes and 7 crops with masks.
BATCH_SIZE, NUM_BOXES, NUM_MASKS = 16, 9, 7
MAX_CROPS = 900_000
# The second round: of these 7, 2 have masks of the first round. It has a third
# of the iterations.
NUM_OWN, STUDENT_SHARE = 2, 1 / 3
MIN_CROP_SIZE = 96
MIN_EPOCHS = 12
# The labeller is trained for at least this number of epochs, so that there are
# checkpoints, however many masks there are.
MIN_LABELLER_EPOCHS = 10
MAX_ENLARGEMENT = 2
# Of label.py. On real images better than the paper's rule for merging.
LABEL_OPTIONS = ('--merge-by', 'probability')


class Size(NamedTuple):
    """What depends on the size of the networks.

    Args:
        labeller (str): Base of the labeller's config, below configs/.
        detector (str): Base of the detector's config.
        max_crop (int): Largest side of a training crop, in pixels.
        scale (tuple[int]): Largest width and height of an image for the
            detector, long side first.
        batch_size (int): Images of the detector on one GPU.
        lr (float): Learning rate of the detector on one GPU.
        min_images (int): Number of images that the detector sees at least.
        mask_score_thr (float): Masks with a lower score are not used for
            training.
        soft (bool): Whether masks of the labeller are weighted by their
            expected IoU instead: none is dropped.
        labeller_lr (float): Learning rate of the labeller on one GPU.
        passes (int): Crops per box, salient image and object of a teacher.
        min_crops (int): Number of crops that the labeller sees at least.
        on_cpu (bool): Whether the networks are small, for a CPU.
    """
    labeller: str
    detector: str
    max_crop: int = 288
    scale: Tuple[int, int] = (1333, 800)
    batch_size: int = 2
    lr: float = 0.0025
    min_images: int = 120_000
    mask_score_thr: float = 0.95
    soft: bool = False
    labeller_lr: float = 0.002
    passes: int = 40
    min_crops: int = 90_000
    on_cpu: bool = False


TINY = Size(
    'boxcaseg/boxcaseg_hrnetv2-tiny_object-crops_coco-mini-ecssd.py',
    'proxy_mask_rcnn/proxy-mask-rcnn_r18-tiny_coco-mini.py',
    max_crop=128,
    scale=(320, 320),
    batch_size=8,
    lr=0.002,
    min_images=24_000,
    mask_score_thr=0.8,
    on_cpu=True)
SIZES = dict(
    tiny=TINY,
    # Starts from ImageNet weights, so it needs fewer crops.
    small=TINY._replace(
        labeller='boxcaseg/boxcaseg_efficientnet-lite0_box-prompt_'
        'coco-mini-ecssd.py',
        detector='proxy_mask_rcnn/proxy-mask-rcnn_efficientnet-lite0_'
        'coco-mini.py',
        labeller_lr=0.001,
        passes=8,
        min_crops=36_000,
        soft=True),
    w18=Size('_base_/own_data/boxcaseg_hrnetv2-w18.py',
             'proxy_mask_rcnn/proxy-mask-rcnn_r50_fpn_1x_coco.py'),
    w48=Size('_base_/own_data/boxcaseg_hrnetv2-w48.py',
             'proxy_mask_rcnn/proxy-mask-rcnn_r101_fpn_1x_coco.py'))


class BoxSizes:
    """Sizes of boxes and of their images, in pixels.

    Args:
        coco (CocoBoxes): The boxes.

    Attributes:
        sides (np.ndarray): Sides of squares with the areas of the boxes, has
            shape (n, ).
        shorter (np.ndarray): Shorter sides of the boxes, has shape (n, ).
        images (np.ndarray): Widths and heights of the m images with boxes,
            has shape (m, 2).
    """

    def __init__(self, coco: CocoBoxes) -> None:
        groups = coco.annotations.values()
        boxes = np.array([ann['bbox'][2:] for anns in groups for ann in anns])
        self.sides = np.sqrt(boxes.prod(axis=1))
        self.shorter = boxes.min(axis=1)
        images = [coco.images[img_id] for img_id in coco.annotations]
        self.images = np.array([[img['width'], img['height']]
                                for img in images])
        self._per_image = [len(anns) for anns in groups]

    def factors(self, scale: Tuple[int, int]) -> np.ndarray:
        """Factors (m, ) by which ``Resize`` with ``keep_ratio`` enlarges."""
        longer, shorter = self.images.max(axis=1), self.images.min(axis=1)
        return np.minimum(max(scale) / longer, min(scale) / shorter)

    def resized(self, scale: Tuple[int, int]) -> np.ndarray:
        """Shorter sides of the boxes (n, ) in the resized images."""
        return np.repeat(self.factors(scale), self._per_image) * self.shorter


def choose_crop_sizes(sides: np.ndarray, max_crop: int) -> Tuple[int, int]:
    """Choose the sides of the crops in training and in labelling.

    Args:
        sides (np.ndarray): Sides of the boxes in pixels, has shape (n, ).
        max_crop (int): Largest side of a training crop.

    Returns:
        tuple[int]: Both sides in pixels, multiples of 32.
    """
    fitting = math.ceil(np.quantile(sides, 0.95) / 32) * 32
    crop_size = min(max(fitting, MIN_CROP_SIZE), max_crop)
    return crop_size, round(crop_size * 10 / 9 / 32) * 32


def choose_scale(sizes: BoxSizes, scale: Tuple[int, int]) -> Tuple[int, int]:
    """Choose the image size of the detector.

    Args:
        sizes (BoxSizes): Sizes of the images.
        scale (tuple[int]): The largest size, in pixels.

    Returns:
        tuple[int]: The same, or smaller where the images are small.
    """
    enlargement = np.median(sizes.factors(scale))
    factor = min(1., MAX_ENLARGEMENT / enlargement)
    return tuple(round(side * factor) for side in scale)


def split_batch(numbers: Sequence[int], num_masks: int) -> List[int]:
    """Divide the crops with masks of a batch between their sources.

    Args:
        numbers (Sequence[int]): Numbers of masks by source.
        num_masks (int): Number of crops with masks in a batch.

    Returns:
        list[int]: Crops of each source: in proportion to the numbers, but at
        least one.

    Raises:
        InputError: There are more sources than crops.
    """
    if len(numbers) > num_masks:
        raise InputError(f'{len(numbers)} sources of masks, but a batch has '
                         f'{num_masks} crops with masks: join some of the '
                         'files of --teacher.')
    shares = [1] * len(numbers)
    # Each further crop goes to the source that has the most masks per crop.
    for _ in range(num_masks - len(numbers)):
        shares[np.argmax(np.divide(numbers, shares))] += 1
    return shares


def labeller_schedule(num_boxes: int, numbers: Sequence[int], gpus: int,
                      size: Size) -> dict:
    """Choose the mixture and the length of the labeller's training.

    Args:
        num_boxes (int): Number of boxes.
        numbers (Sequence[int]): Numbers of masks by source.
        gpus (int): Number of GPUs.
        size (Size): Size of the networks.

    Returns:
        dict: ``source_ratio``, ``num_iters`` of an epoch, ``max_epochs``,
        ``interval`` of validation and checkpoints, in epochs, and
        ``num_batches`` of the sampler: None if an epoch shows the last source
        once.
    """
    crops = size.passes * (num_boxes + sum(numbers))
    crops = min(max(crops, size.min_crops), MAX_CROPS)
    shares = split_batch(numbers, NUM_MASKS)
    wanted = crops / (BATCH_SIZE * gpus)
    num_iters = numbers[-1] // (shares[-1] * gpus)
    longest = math.ceil(wanted / MIN_LABELLER_EPOCHS)
    num_batches = longest if num_iters > longest else None
    num_iters = min(num_iters, longest)
    return dict(
        _schedule(num_iters, math.ceil(wanted / num_iters)),
        source_ratio=(NUM_BOXES, *shares),
        num_batches=num_batches)


def student_schedule(labeller: dict, numbers: Sequence[int],
                     gpus: int) -> dict:
    """Choose the mixture and the length of the labeller's second round.

    Args:
        labeller (dict): Schedule of the first round.
        numbers (Sequence[int]): Numbers of masks by source.
        gpus (int): Number of GPUs.

    Returns:
        dict: As that of :func:`labeller_schedule`.
    """
    # Fewer crops of each source are in a batch, so an epoch is longer, unless
    # its length is set: the config inherits it.
    shares = split_batch(numbers, NUM_MASKS - NUM_OWN)
    num_batches = labeller['num_batches']
    num_iters = num_batches or max(numbers[-1] // (shares[-1] * gpus), 1)
    wanted = labeller['num_iters'] * labeller['max_epochs'] * STUDENT_SHARE
    return dict(
        _schedule(num_iters, max(round(wanted / num_iters), 1)),
        source_ratio=(NUM_BOXES, NUM_OWN, *shares),
        num_batches=num_batches)


def detector_schedule(num_images: int, min_images: int,
                      batch_size: int) -> dict:
    """Choose the length of the detector's training.

    Args:
        num_images (int): Number of images with boxes.
        min_images (int): Number of images that are seen at least.
        batch_size (int): Images in one iteration on all GPUs.

    Returns:
        dict: As that of :func:`labeller_schedule`.
    """
    return _schedule(
        math.ceil(num_images / batch_size),
        max(MIN_EPOCHS, math.ceil(min_images / num_images)))


def _schedule(num_iters: int, max_epochs: int) -> dict:
    return dict(
        num_iters=num_iters,
        max_epochs=max_epochs,
        interval=math.ceil(max_epochs / 10))
