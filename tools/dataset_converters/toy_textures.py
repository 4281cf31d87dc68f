"""Textures and colours of the toy images.

Legend: S is the side of an image. A field is a float array in [0, 1] and has
shape (S, S), an image is BGR in [0, 255] and has shape (S, S, 3).
"""
from typing import Callable, Sequence, Tuple

import cv2
import numpy as np
from numpy.random import Generator

SIZE = 160


def rotated_axes(rng: Generator) -> Tuple[np.ndarray, np.ndarray]:
    """Pixel coordinates about the centre, along two random axes.

    Returns:
        Tuple[np.ndarray]: Both have shape (S, S).
    """
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32) - SIZE / 2
    u = x * np.cos(angle) + y * np.sin(angle)
    v = y * np.cos(angle) - x * np.sin(angle)
    return u.astype(np.float32), v.astype(np.float32)


def noise(rng: Generator, cell_u: float, cell_v: float) -> np.ndarray:
    """Value noise field whose cells are ``cell_u`` by ``cell_v`` pixels."""
    u, v = rotated_axes(rng)
    grid = rng.random((128, 128), dtype=np.float32)
    field = cv2.remap(
        grid,
        u / cell_u,
        v / cell_v,
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_WRAP)
    return field.clip(0, 1)


def fractal(rng: Generator, cell: float, stretch: float = 1) -> np.ndarray:
    """Sum of three octaves of noise, as a field."""
    octaves = [
        noise(rng, cell / 2**k, cell * stretch / 2**k) / 2**k for k in range(3)
    ]
    return sharpen(sum(octaves) / 1.75, 1.6)


def sharpen(field: np.ndarray, gain: float) -> np.ndarray:
    """Raise the contrast of a field about 0.5."""
    return ((field - 0.5) * gain + 0.5).clip(0, 1)


def wave(phase: np.ndarray) -> np.ndarray:
    """Field that oscillates once per unit of ``phase`` (S, S)."""
    return 0.5 + 0.5 * np.sin(2 * np.pi * phase)


def stripes(rng: Generator) -> np.ndarray:
    u, _ = rotated_axes(rng)
    warp = noise(rng, 30, 30) * rng.uniform(0, 1)
    return sharpen(wave(u / rng.uniform(6, 16) + warp), 3)


def dots(rng: Generator) -> np.ndarray:
    u, v = rotated_axes(rng)
    period = rng.uniform(7, 13)
    return sharpen(wave(u / period) * wave(v / period) + 0.05, 5)


def checker(rng: Generator) -> np.ndarray:
    u, v = rotated_axes(rng)
    period = rng.uniform(10, 22)
    signs = np.sin(2 * np.pi * u / period) * np.sin(2 * np.pi * v / period)
    return sharpen(0.5 + signs, 6)


def blotches(rng: Generator) -> np.ndarray:
    cell = rng.uniform(5, 14)
    return sharpen(noise(rng, cell, cell), 4)


def ramp(rng: Generator) -> np.ndarray:
    u, _ = rotated_axes(rng)
    return wave(u / rng.uniform(50, 90) + rng.random())


def ground(rng: Generator) -> np.ndarray:
    return fractal(rng, rng.uniform(10, 30))


def grass(rng: Generator) -> np.ndarray:
    return fractal(rng, rng.uniform(5, 10), rng.uniform(3, 6))


def rock(rng: Generator) -> np.ndarray:
    ridges = np.abs(fractal(rng, rng.uniform(14, 28)) - 0.5)
    return sharpen(1 - 2.5 * ridges, 1.2)


def marble(rng: Generator) -> np.ndarray:
    u, _ = rotated_axes(rng)
    phase = u / rng.uniform(40, 80) + 2 * fractal(rng, 40)
    return np.sqrt(np.abs(np.sin(np.pi * phase)))


def wood(rng: Generator) -> np.ndarray:
    u, v = rotated_axes(rng)
    radius = np.hypot(u - rng.uniform(30, 120), v / rng.uniform(2, 5))
    return wave(radius / rng.uniform(7, 14) + 1.2 * noise(rng, 30, 60))


def smooth(rng: Generator) -> np.ndarray:
    return sharpen(noise(rng, 70, 100), 1.5)


def weave(rng: Generator) -> np.ndarray:
    u, v = rotated_axes(rng)
    period = rng.uniform(8, 14)
    over = (np.floor(u / period) + np.floor(v / period)) % 2 == 0
    return 0.2 + 0.8 * np.where(over,
                                wave(u / period / 2) * 0.6 + 0.4,
                                wave(v / period / 2) * 0.6)


def brush(rng: Generator) -> np.ndarray:
    return sharpen(noise(rng, rng.uniform(2, 4), rng.uniform(25, 50)), 1.5)


def bokeh(rng: Generator) -> np.ndarray:
    field = noise(rng, 60, 60) * 0.6
    for _ in range(rng.integers(8, 20)):
        disc = np.zeros_like(field)
        centre = rng.integers(0, SIZE, 2).tolist()
        cv2.circle(disc, centre, int(rng.integers(6, 18)), 1, -1, cv2.LINE_AA)
        field += rng.uniform(-0.3, 0.5) * disc
    return cv2.GaussianBlur(field, (0, 0), rng.uniform(2, 4)).clip(0, 1)


def sky(rng: Generator) -> np.ndarray:
    height = np.linspace(0, 1, SIZE, dtype=np.float32)[:, None]
    return sharpen(0.6 * height + 0.4 * fractal(rng, 60, 1.5), 1.4)


def grain(rng: Generator) -> np.ndarray:
    return sharpen(0.6 * noise(rng, 90, 90) + 0.4 * noise(rng, 1.5, 1.5), 1)


def tiles(rng: Generator) -> np.ndarray:
    u, v = rotated_axes(rng)
    side = rng.uniform(18, 36)
    levels = rng.random((32, 32), dtype=np.float32)
    row, column = (u // side).astype(int) % 32, (v // side).astype(int) % 32
    joint = (u % side < 2) | (v % side < 2)
    return np.where(joint, 0, 0.3 + 0.7 * levels[row, column])


SCENE_TEXTURES = (stripes, dots, checker, blotches, ramp)
SCENE_BACKGROUNDS = (ground, grass, rock)
SALIENT_TEXTURES = (marble, wood, smooth, weave, brush)
SALIENT_BACKGROUNDS = (bokeh, sky, grain, tiles)


def draw_colours(rng: Generator, gaps: Sequence[float],
                 avoid: np.ndarray) -> np.ndarray:
    """Draw one colour per gap, at least that far from all of ``avoid``.

    Args:
        rng (Generator): Source of randomness.
        gaps (Sequence[float]): Distance each of K colours keeps.
        avoid (np.ndarray): Colours to keep away from, has shape (M, 3).

    Returns:
        np.ndarray: BGR colours, has shape (K, 3).
    """
    colours = []
    for gap in gaps:
        drawn = rng.uniform(15, 240, (64, 3))
        distance = np.linalg.norm(drawn[:, None] - avoid, axis=-1).min(axis=1)
        # The first that is far enough; 64 draws hardly ever hold none.
        colours.append(drawn[np.argmax(distance >= gap)])
    return np.stack(colours)


def draw_hue(rng: Generator, hue: float, avoid: np.ndarray) -> np.ndarray:
    """Draw a strong colour of about a hue that keeps away from others.

    Args:
        rng (Generator): Source of randomness.
        hue (float): Hue in OpenCV's range, [0, 180).
        avoid (np.ndarray): Colours to keep away from, has shape (M, 3).

    Returns:
        np.ndarray: BGR colour, has shape (3, ).
    """
    hsv = rng.uniform((hue - 12, 110, 110), (hue + 12, 255, 250), (64, 3))
    drawn = cv2.cvtColor(np.uint8(hsv)[None], cv2.COLOR_HSV2BGR)[0]
    distance = np.linalg.norm(drawn[:, None] - avoid, axis=-1).min(axis=1)
    return drawn[np.argmax(distance >= min(90, distance.max()))]


def draw_texture(rng: Generator, family: Sequence[Callable],
                 colours: np.ndarray) -> np.ndarray:
    """Colour a random field of ``family`` with ``colours`` (K, 3).

    Returns:
        np.ndarray: Image, has shape (S, S, 3).
    """
    field = family[rng.integers(len(family))](rng)
    knots = np.linspace(0, 1, len(colours))
    channels = [np.interp(field, knots, colour) for colour in colours.T]
    return np.stack(channels, axis=-1).astype(np.float32)
