from typing import Optional

import cv2
import mmcv
import numpy as np


def read_image(path: str,
               flag: str = 'color',
               backend_args: Optional[dict] = None) -> np.ndarray:
    """Read an image as the data sets load it.

    Args:
        path (str): The image. Whether a turned one (EXIF) is set upright
            depends on its format and on OpenCV.
        flag (str): See :func:`mmcv.imread`. Defaults to 'color'.
        backend_args (dict, optional): See :func:`mmcv.imread`. Defaults to
            None.

    Returns:
        np.ndarray: The image, has shape (H, W, 3), or (H, W) if grey.

    Raises:
        ValueError: It cannot be read.
    """
    try:
        image = mmcv.imread(path, flag, backend_args=backend_args)
    except cv2.error:  # an empty file
        image = None
    if image is None:
        raise ValueError(f'{path} cannot be read as an image: replace it, or '
                         'remove it and its annotations or mask.')
    return image
