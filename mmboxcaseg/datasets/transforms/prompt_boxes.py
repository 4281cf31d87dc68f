import numpy as np

from mmboxcaseg.registry import TRANSFORMS
from mmboxcaseg.structures import label_windows
from .crops import CropTransform, check_size


@TRANSFORMS.register_module()
class PromptBoxes(CropTransform):
    """Keep the whole image, with its boxes as prompts.

    The counterpart of :class:`CropBoxes` for models that take whole images.

    Required Keys: ``img``, ``img_path``, ``height``, ``width``,
    ``instances``.

    Added Keys: ``crops`` (1, H, W, 3) uint8, the image; ``windows`` (n, 4),
    the pixel boxes; ``gt_bboxes`` (n, 4) float32, the true boxes in pixels of
    the image.

    Args:
        truncate (bool): See :func:`pixel_boxes`. Defaults to False.

    Raises:
        InputError: The image file has another size than in the JSON.
    """

    def __init__(self, truncate: bool = False) -> None:
        self.truncate = truncate

    def transform(self, results: dict) -> dict:
        """Add the keys.

        Args:
            results (dict): Item of :class:`BoxCropDataset`, image loaded.

        Returns:
            dict: The item with the added keys.

        Raises:
            InputError: See the class.
        """
        img = results['img']
        check_size(results, img.shape[:2])
        boxes = np.array([ins['bbox'] for ins in results['instances']],
                         dtype=np.float64)
        results['crops'] = img[None]
        results['windows'] = label_windows(boxes, *img.shape[:2],
                                           self.truncate)
        results['gt_bboxes'] = np.float32(boxes)
        return results
