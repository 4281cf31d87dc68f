"""Draw the images of the toy set: scenes of objects, and salient images.

Objects in scenes have one of four classes, recognisable by shape and, mostly,
by texture and hue. Salient images show one large object with other shapes,
textures and backgrounds, so there is a domain gap between the two sources.

S is the side of an image, an image is BGR in [0, 255] and has shape (S, S, 3).
A layer has a coverage (alpha) in [0, 1] of shape (S, S).
"""
from typing import List, Optional, Tuple

import cv2
import numpy as np
from numpy import ndarray
from numpy.random import Generator

from .shapes import CLASSES, SALIENT_SHAPES, rasterise
from .textures import (CLASS_TEXTURES, SALIENT_BACKGROUNDS, SALIENT_TEXTURES,
                       SCENE_BACKGROUNDS, SCENE_TEXTURES, SIZE, draw_colours,
                       draw_hue, draw_texture, rotated_axes)

OBJECT_SIDE = (28, 90)
SALIENT_SIDE = (112, 152)
MIN_VISIBLE_AREA = 150
MIN_VISIBLE_SHARE = 0.6
# Most objects of a class look alike (as zebras have stripes); the others have
# random textures and colours. Hues are in [0, 180), as in OpenCV.
CLASS_HUES = (15, 60, 105, 150)
OWN_LOOK_SHARE = 0.8
# Share of the objects with a colour of the background, so that colour alone
# does not separate objects from the background.
BACKGROUND_TONE_SHARE = 0.3


def paste(window: ndarray, x: int, y: int) -> ndarray:
    """Put a window (h, w) at (x, y) of an empty layer (S, S)."""
    alpha = np.zeros((SIZE, SIZE), np.float32)
    alpha[y:y + window.shape[0], x:x + window.shape[1]] = window
    return alpha


def light(rng: Generator, image: ndarray, strength: float) -> ndarray:
    """Shade an image as if it were lit from a random side."""
    shade = (1 + strength * rotated_axes(rng)[0] / SIZE).clip(0.6, 1.4)
    return image * shade[..., None]


def paint(rng: Generator, image: ndarray, alpha: ndarray,
          layer: ndarray) -> ndarray:
    """Blend a layer into an image, with a soft shadow below it."""
    shift = np.float32([[1, 0, rng.uniform(-5, 5)], [0, 1, rng.uniform(1, 6)]])
    shadow = cv2.warpAffine(alpha, shift, (SIZE, SIZE))
    shadow = cv2.GaussianBlur(shadow, (0, 0), rng.uniform(2, 4))[..., None]
    image = image * (1 - rng.uniform(0.1, 0.45) * shadow)
    return image * (1 - alpha[..., None]) + layer * alpha[..., None]


def clutter(rng: Generator, image: ndarray, palette: ndarray) -> ndarray:
    """Draw strokes, speckles and small patches that are not objects."""
    image = np.ascontiguousarray(image)
    colours = rng.choice(palette, 40).tolist()
    for _ in range(rng.integers(2, 6)):
        steps = rng.normal(0, 9, (6, 2)).cumsum(axis=0)
        points = np.round(steps + rng.uniform(0, SIZE, 2)).astype(np.int32)
        cv2.polylines(image, [points], False, colours.pop(),
                      int(rng.integers(1, 3)), cv2.LINE_AA)
    for _ in range(rng.integers(5, 20)):
        centre = rng.integers(0, SIZE, 2).tolist()
        cv2.circle(image, centre, int(rng.integers(1, 3)), colours.pop(), -1,
                   cv2.LINE_AA)
    patches = np.zeros((SIZE, SIZE), np.float32)
    for _ in range(rng.integers(8, 15)):
        centre = rng.integers(0, SIZE, 2).tolist()
        axes = rng.integers(3, 8, 2).tolist()
        cv2.ellipse(patches, centre, axes, rng.uniform(0, 180), 0, 360, 1, -1,
                    cv2.LINE_AA)
    colours = rng.choice(palette, 2, replace=False)
    texture = draw_texture(rng, SCENE_TEXTURES, colours)
    return paint(rng, image, patches, texture)


def develop(rng: Generator, image: ndarray) -> ndarray:
    """Add slight blur and sensor noise to an image; returns uint8."""
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 0.7))
    image = image + rng.normal(0, rng.uniform(2, 5), image.shape)
    return np.round(image).clip(0, 255).astype(np.uint8)


def place(rng: Generator, window: ndarray, masks: ndarray, full_areas: ndarray,
          overlap: bool) -> Optional[ndarray]:
    """Place an object, coverage (h, w), without hiding others too much.

    ``masks`` (N, S, S) are the visible parts of the others, ``full_areas``
    (N, ) their areas before occlusion. Returns a coverage (S, S); None if
    no such place is found or the object is too small.
    """
    if (window >= 0.5).sum() < MIN_VISIBLE_AREA:
        return None
    h, w = window.shape
    floors = np.maximum(MIN_VISIBLE_AREA, MIN_VISIBLE_SHARE * full_areas)
    before = masks.sum(axis=(1, 2))
    for _ in range(25):
        alpha = paste(window, rng.integers(0, SIZE - w + 1),
                      rng.integers(0, SIZE - h + 1))
        after = (masks & (alpha < 0.5)).sum(axis=(1, 2))
        if (after >= floors).all() and (after < before).any() == overlap:
            return alpha
    return None


def make_scene(rng: Generator) -> Tuple[ndarray, ndarray, List[int]]:
    """Draw a scene of 3 to 6 objects.

    Returns the image (S, S, 3), visible masks (N, S, S) and indices into
    ``CLASSES`` of the N objects.
    """
    ground = draw_colours(rng, (0, 0, 0), np.zeros((1, 3)))
    image = draw_texture(rng, SCENE_BACKGROUNDS, ground)
    palette = draw_colours(rng, (80, 80, 60, 60, 40), ground)
    # Clutter has the colours of all classes, so that colour alone does not
    # tell objects from clutter.
    hues = [draw_hue(rng, hue, ground) for hue in CLASS_HUES]
    image = clutter(rng, light(rng, image, 0.3), np.stack(hues))
    masks = np.zeros((0, SIZE, SIZE), bool)
    full_areas, labels = np.zeros(0), []
    num = rng.integers(3, 7)
    while len(masks) < num:
        label = int(rng.integers(len(CLASSES)))
        outline = list(CLASSES.values())[label](rng)
        window = rasterise(rng, outline, rng.uniform(*OBJECT_SIDE))
        overlap = len(masks) > 0 and rng.random() < 0.3
        alpha = place(rng, window, masks, full_areas, overlap)
        if alpha is None:
            continue
        colours = rng.permutation(palette)[:2]
        if rng.random() < BACKGROUND_TONE_SHARE:
            colours[1] = rng.choice(ground)
        family = SCENE_TEXTURES
        if rng.random() < OWN_LOOK_SHARE:
            family = (CLASS_TEXTURES[label], )
            colours[0] = draw_hue(rng, CLASS_HUES[label], ground)
        texture = draw_texture(rng, family, colours)
        image = paint(rng, image, alpha, light(rng, texture, 0.8))
        mask = alpha >= 0.5
        masks = np.concatenate([masks & ~mask, mask[None]])
        full_areas = np.append(full_areas, mask.sum())
        labels.append(label)
    return develop(rng, image), masks, labels


def make_salient(rng: Generator) -> Tuple[ndarray, ndarray]:
    """Draw one large object: image (S, S, 3) and mask (S, S), {0, 255}."""
    ground = draw_colours(rng, (0, 0, 0), np.zeros((1, 3)))
    image = draw_texture(rng, SALIENT_BACKGROUNDS, ground)
    outline = SALIENT_SHAPES[rng.integers(len(SALIENT_SHAPES))](rng)
    window = rasterise(rng, outline, rng.uniform(*SALIENT_SIDE))
    # Near the centre, as in photos of a single subject.
    free = np.subtract(SIZE, window.shape[::-1])
    x, y = (rng.uniform(0.2, 0.8, 2) * free).astype(int)
    alpha = paste(window, x, y)
    colours = draw_colours(rng, (90, 50), ground)
    texture = light(rng, draw_texture(rng, SALIENT_TEXTURES, colours), 0.6)
    image = develop(rng, paint(rng, image, alpha, texture))
    return image, (alpha >= 0.5) * np.uint8(255)
