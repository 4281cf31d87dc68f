"""Textures and colours of the toy images.

S is the side of an image. A field is a float array in [0, 1] of shape (S, S),
an image is BGR in [0, 255] and has shape (S, S, 3). Textures are functions
that take a random generator and return a field.
"""
from typing import Tuple

import cv2
import numpy as np
from numpy import ndarray
from numpy.random import Generator

SIZE = 160


def rotated_axes(rng: Generator) -> Tuple[ndarray, ndarray]:
    """Pixel coordinates (S, S) along two axes, rotated at random."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32) - SIZE / 2
    u = x * np.cos(angle) + y * np.sin(angle)
    v = y * np.cos(angle) - x * np.sin(angle)
    return u.astype(np.float32), v.astype(np.float32)


def noise(rng: Generator, width: float, height: float = 0) -> ndarray:
    """Value noise; its cells are square unless a height is given."""
    u, v = rotated_axes(rng)
    grid = rng.random((128, 128), dtype=np.float32)
    x, y = u / width, v / (height or width)
    field = cv2.remap(grid, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)
    return field.clip(0, 1)


def sharpen(field: ndarray, gain: float) -> ndarray:
    """Raise the contrast of a field around 0.5."""
    return ((field - 0.5) * gain + 0.5).clip(0, 1)


def fractal(rng: Generator, cell: float, stretch: float = 1) -> ndarray:
    """Sum of three octaves of noise."""
    cells = [cell, cell / 2, cell / 4]
    total = sum(noise(rng, c, c * stretch) * (c / cell) for c in cells)
    return sharpen(total / 1.75, 1.6)


def wave(phase: ndarray) -> ndarray:
    """Field that oscillates once per unit of ``phase`` (S, S)."""
    return 0.5 + 0.5 * np.sin(2 * np.pi * phase)


def stripes(rng: Generator) -> ndarray:
    u, _ = rotated_axes(rng)
    warp = noise(rng, 30) * rng.uniform(0, 1)
    return sharpen(wave(u / rng.uniform(6, 16) + warp), 3)


def dots(rng: Generator) -> ndarray:
    u, v = np.divide(rotated_axes(rng), rng.uniform(7, 13))
    return sharpen(wave(u) * wave(v) + 0.05, 5)


def checker(rng: Generator) -> ndarray:
    u, v = rotated_axes(rng)
    period = rng.uniform(10, 22)
    signs = np.sin(2 * np.pi * u / period) * np.sin(2 * np.pi * v / period)
    return sharpen(0.5 + signs, 6)


def ramp(rng: Generator) -> ndarray:
    return wave(rotated_axes(rng)[0] / rng.uniform(50, 90) + rng.random())


def marble(rng: Generator) -> ndarray:
    u, _ = rotated_axes(rng)
    phase = u / rng.uniform(40, 80) + 2 * fractal(rng, 40)
    return np.sqrt(np.abs(np.sin(np.pi * phase)))


def wood(rng: Generator) -> ndarray:
    u, v = rotated_axes(rng)
    radius = np.hypot(u - rng.uniform(30, 120), v / rng.uniform(2, 5))
    return wave(radius / rng.uniform(7, 14) + 1.2 * noise(rng, 30, 60))


def weave(rng: Generator) -> ndarray:
    u, v = np.divide(rotated_axes(rng), rng.uniform(8, 14))
    over = (np.floor(u) + np.floor(v)) % 2 == 0
    threads = np.where(over, wave(u / 2) * 0.6 + 0.4, wave(v / 2) * 0.6)
    return 0.2 + 0.8 * threads


def bokeh(rng: Generator) -> ndarray:
    field = noise(rng, 60) * 0.6
    for _ in range(rng.integers(8, 20)):
        disc = np.zeros_like(field)
        centre = rng.integers(0, SIZE, 2).tolist()
        cv2.circle(disc, centre, int(rng.integers(6, 18)), 1, -1, cv2.LINE_AA)
        field += rng.uniform(-0.3, 0.5) * disc
    return cv2.GaussianBlur(field, (0, 0), rng.uniform(2, 4)).clip(0, 1)


def tiles(rng: Generator) -> ndarray:
    u, v = rotated_axes(rng)
    side = rng.uniform(18, 36)
    levels = rng.random((32, 32), dtype=np.float32)
    row, column = (u // side).astype(int) % 32, (v // side).astype(int) % 32
    joint = (u % side < 2) | (v % side < 2)
    return np.where(joint, 0, 0.3 + 0.7 * levels[row, column])


def rock(rng: Generator) -> ndarray:
    ridges = np.abs(fractal(rng, rng.uniform(14, 28)) - 0.5)
    return sharpen(1 - 2.5 * ridges, 1.2)


def brush_strokes(rng: Generator) -> ndarray:
    return sharpen(noise(rng, rng.uniform(2, 4), rng.uniform(25, 50)), 1.5)


DOWN = np.linspace(0, 1, SIZE, dtype=np.float32)[:, None]
# The classes' own textures, in the order of CLASSES.
CLASS_TEXTURES = (stripes, ramp, dots, checker)
SCENE_TEXTURES = (stripes, dots, checker,
                  lambda rng: sharpen(noise(rng, rng.uniform(5, 14)), 4), ramp)
SCENE_BACKGROUNDS = (  # earth, grass, rock
    lambda rng: fractal(rng, rng.uniform(10, 30)),
    lambda rng: fractal(rng, rng.uniform(5, 10), rng.uniform(3, 6)), rock)
SALIENT_TEXTURES = (marble, wood,
                    lambda rng: sharpen(noise(rng, 70, 100), 1.5), weave,
                    brush_strokes)
SALIENT_BACKGROUNDS = (
    bokeh,
    lambda rng: sharpen(0.6 * DOWN + 0.4 * fractal(rng, 60, 1.5), 1.4),  # sky
    lambda rng: 0.6 * noise(rng, 90) + 0.4 * noise(rng, 1.5),  # grain
    tiles)


def _choose(drawn: ndarray, gap: float, avoid: ndarray) -> ndarray:
    """The first of the drawn colours (64, 3) that keeps ``gap`` to others."""
    distance = np.linalg.norm(drawn[:, None] - avoid, axis=-1).min(axis=1)
    return drawn[np.argmax(distance >= min(gap, distance.max()))]


def draw_colours(rng: Generator, gaps: tuple, avoid: ndarray) -> ndarray:
    """Draw K colours (K, 3), each ``gaps[k]`` away from ``avoid`` (M, 3)."""
    drawn = [rng.uniform(15, 240, (64, 3)) for _ in gaps]
    return np.stack([_choose(d, gap, avoid) for d, gap in zip(drawn, gaps)])


def draw_hue(rng: Generator, hue: float, avoid: ndarray) -> ndarray:
    """Draw a strong colour (3, ) close to a hue, [0, 180) as in OpenCV."""
    hsv = rng.uniform((hue - 12, 110, 110), (hue + 12, 255, 250), (64, 3))
    drawn = cv2.cvtColor(np.uint8(hsv)[None], cv2.COLOR_HSV2BGR)[0]
    return _choose(drawn, 90, avoid)


def draw_texture(rng: Generator, family: tuple, colours: ndarray) -> ndarray:
    """Colour a random field of ``family``: an image in ``colours`` (K, 3)."""
    field = family[rng.integers(len(family))](rng)
    knots = np.linspace(0, 1, len(colours))
    channels = [np.interp(field, knots, colour) for colour in colours.T]
    return np.stack(channels, axis=-1).astype(np.float32)
