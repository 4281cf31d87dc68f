"""Resizing as the authors' code does it, for their checkpoints.

Their labeller was trained and tested on crops resized by scikit-image with
``mode='constant'``: beyond the border of a crop everything is black.
"""
import cv2
import numpy as np


def resize_fading(img: np.ndarray, size: int) -> np.ndarray:
    """Resize an image to a square whose border fades to black.

    Equals ``skimage.transform.resize(img, (size, size), mode='constant')``,
    but in the value range of the image: linear interpolation, with a Gaussian
    filter before it if the image shrinks. Both treat pixels outside the image
    as black. No value falls below the minimum of the image.

    Args:
        img (np.ndarray): Image, has shape (h, w, 3).
        size (int): Side S of the result in pixels.

    Returns:
        np.ndarray: Has shape (S, S, 3), float32.
    """
    height, width = img.shape[:2]
    resized = cv2.sepFilter2D(
        img.astype(np.float64),
        -1,
        _gaussian(width / size),
        _gaussian(height / size),
        borderType=cv2.BORDER_CONSTANT)
    resized = _interpolate_rows(resized, size).swapaxes(0, 1)
    resized = _interpolate_rows(resized, size).swapaxes(0, 1)
    return np.float32(np.maximum(resized, img.min()))


def _gaussian(factor: float) -> np.ndarray:
    """Anti-aliasing filter for a side that shrinks by a factor."""
    # The default `anti_aliasing_sigma` of scikit-image.
    sigma = (factor - 1) / 2
    if sigma <= 0:
        return np.ones(1)
    radius = int(4 * sigma + 0.5)  # where SciPy truncates the filter
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma)**2)
    return kernel / kernel.sum()


def _interpolate_rows(img: np.ndarray, size: int) -> np.ndarray:
    """Linear interpolation of ``size`` rows, with a black row at each end."""
    padded = np.pad(img, ((1, 1), (0, 0), (0, 0)))
    # - 0.5: rows have their centres at half pixels; + 1: a row of padding.
    centres = (np.arange(size) + 0.5) * len(img) / size + 0.5
    above = centres.astype(np.int64)
    share = (centres - above)[:, None, None]
    return (1 - share) * padded[above] + share * padded[above + 1]
