"""Draw boxes and masks over images."""
import base64
import io
from typing import NamedTuple, Optional, Sequence

import cv2
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mmboxcaseg.structures import pixel_boxes

COLOURS = np.array(matplotlib.colormaps['Set1'].colors)[[0, 1, 2, 3, 4, 7]]
# Longer side of thumbnails in pixels; quality from 0 to 100.
THUMBNAIL_SIDE, JPEG_QUALITY = 200, 80


class Instance(NamedTuple):
    """One object to draw.

    Args:
        bbox (Sequence[float]): Box in pixels, xywh.
        mask (np.ndarray, optional): Has shape (H, W).
        text (str): Label.
        dropped (bool): Whether it is not used for training: drawn in grey.
    """
    bbox: Sequence[float]
    mask: Optional[np.ndarray] = None
    text: str = ''
    dropped: bool = False


def draw(ax: Axes, img: np.ndarray, instances: Sequence[Instance]) -> None:
    """Draw instances over an image.

    Args:
        ax (Axes): Where to draw.
        img (np.ndarray): RGB image, has shape (H, W, 3), uint8.
        instances (Sequence[Instance]): The objects.
    """
    canvas = img.astype(np.float64) / 255
    ax.axis('off')
    height, width = img.shape[:2]
    for i, ins in enumerate(instances):
        colour = np.array([.25] * 3) if ins.dropped else COLOURS[i % 6]
        if ins.mask is not None and ins.mask.any():
            inside = ins.mask.astype(bool)
            canvas[inside] = 0.5 * canvas[inside] + 0.5 * colour
            # Padded, so that the outline is closed at the image border.
            xs, ys = np.arange(-1, width + 1), np.arange(-1, height + 1)
            style = dict(colors='white', linewidths=1)
            ax.contour(xs, ys, np.pad(inside, 1), [0.5], **style)
        x, y, w, h = ins.bbox
        style = dict(fill=False, lw=1.2, ls=':' if ins.dropped else '-')
        ax.add_patch(Rectangle((x - .5, y - .5), w, h, ec=colour, **style))
        # Keep the label inside the image.
        left = x + w / 2 < width / 2
        below_border = y < 0.06 * max(height, width)
        ax.text(
            max(x, 0) if left else min(x + w, width),
            max(y, 0),
            ins.text,
            color='white',
            fontsize=7,
            ha='left' if left else 'right',
            va='top' if below_border else 'bottom',
            clip_on=True,
            bbox=dict(facecolor=colour, pad=0.8, lw=0) if ins.text else None)
    ax.imshow(canvas.clip(0, 1))
    ax.set(xlim=(-.5, width - .5), ylim=(height - .5, -.5))


def context_window(bbox: Sequence[float],
                   height: int,
                   width: int,
                   margin: float = 0.25) -> np.ndarray:
    """Window that shows a box and its surroundings.

    Args:
        bbox (Sequence[float]): Box in pixels, xywh.
        height (int): Image height.
        width (int): Image width.
        margin (float): Surroundings, relative to the longer side of the box.

    Returns:
        np.ndarray: Integer window inside the image, has shape (4, ), xyxy.
    """
    x, y, w, h = bbox
    pad = margin * max(w, h)
    box = [x - pad, y - pad, x + w + pad, y + h + pad]
    return pixel_boxes([box], height, width)[0]


def draw_thumbnail(img: np.ndarray, ins: Instance) -> str:
    """Draw one object as a small JPEG.

    Args:
        img (np.ndarray): RGB image, has shape (h, w, 3), uint8.
        ins (Instance): The object, in pixels of ``img``.

    Returns:
        str: Data URI.
    """
    size = np.array(img.shape[1::-1])
    # At least 16 pixels, so that objects of one row stay visible.
    figsize = np.maximum(size * THUMBNAIL_SIDE / size.max(), 16) / 100
    figure = Figure(figsize=figsize, dpi=100)
    draw(figure.add_axes((0, 0, 1, 1)), img, [ins])
    return to_data_uri(figure, 'jpeg', pil_kwargs=dict(quality=JPEG_QUALITY))


def to_data_uri(figure: Figure, kind: str, **options) -> str:
    """Write a figure as a data URI.

    Args:
        figure (Figure): The figure.
        kind (str): 'jpeg' or 'svg'.
        options: See :meth:`Figure.savefig`.

    Returns:
        str: Data URI.
    """
    file = io.BytesIO()
    figure.savefig(file, format=kind, **options)
    return _data_uri(file.getvalue(), kind)


def to_jpeg_uri(img: np.ndarray) -> str:
    """Write an image as the data URI of a JPEG.

    Args:
        img (np.ndarray): RGB image, has shape (h, w, 3), uint8.

    Returns:
        str: Data URI.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    content = cv2.imencode('.jpg', img[..., ::-1], options)[1].tobytes()
    return _data_uri(content, 'jpeg')


def _data_uri(content: bytes, kind: str) -> str:
    data = base64.b64encode(content).decode('ascii')
    mime = dict(svg='svg+xml').get(kind, kind)
    return f'data:image/{mime};base64,{data}'


def to_array(figure: Figure) -> np.ndarray:
    """Render a figure as an RGB image of shape (H, W, 3), uint8."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
