import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms import LoadImageFromFile as StockLoadImageFromFile
from mmengine.fileio import get
from pycocotools import mask as mask_utils

from mmboxcaseg.datasets.coco import decode_image
from mmboxcaseg.registry import TRANSFORMS
from .crops import check_size


@TRANSFORMS.register_module()
class LoadImageFromFile(StockLoadImageFromFile):
    """:class:`mmcv.transforms.LoadImageFromFile` for truncated JPEGs, too.

    A JPEG that lacks its last bytes is decoded as far as possible. The data
    sets of mmboxcaseg use this transform even if their pipeline names the
    stock transform; pipelines of mmdet's data sets must name this one.

    Args:
        kwargs: Arguments of the stock transform.
    """

    def transform(self, results: dict) -> dict:
        """Load an image; AssertionError if it cannot be decoded."""
        try:
            return super().transform(results)
        # The stock transform raises it if OpenCV decodes nothing.
        except AssertionError:
            content = get(results['img_path'], backend_args=self.backend_args)
            flags = mmcv.image.io.imread_flags[self.color_type]
            img, _ = decode_image(content, flags)
            if img is None:
                raise
        results['img'] = img.astype('float32') if self.to_float32 else img
        results['img_shape'] = results['ori_shape'] = img.shape[:2]
        return results


@TRANSFORMS.register_module()
class LoadObjectMask(BaseTransform):
    """Decode the mask of an object, as if it were loaded from a mask file.

    Required Keys: ``img``, ``img_path``, ``height``, ``width``; ``mask``, the
    RLE of the whole image.

    Added Keys: ``gt_seg_map`` (H, W) uint8, 255 where the object is.

    Raises:
        InputError: The image file has another size than in the JSON.
    """

    def transform(self, results: dict) -> dict:
        """Decode the mask of an item of :class:`MaskedCropDataset`."""
        check_size(results, results['img'].shape[:2])
        mask = mask_utils.decode(results['mask'])
        results['gt_seg_map'] = mask * np.uint8(255)
        return results
