"""Outlines of the toy objects: points (N, 2) around the origin."""
from functools import partial

import cv2
import numpy as np
from numpy import ndarray
from numpy.random import Generator


def polar(angles: ndarray, radii: ndarray) -> ndarray:
    """Points (N, 2) at the given angles (N, ) and radii (N, ) or scalar."""
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return points * np.reshape(radii, (-1, 1))


def turn(num: int) -> ndarray:
    """``num`` evenly spaced angles of a full turn."""
    return np.linspace(0, 2 * np.pi, num, endpoint=False)


def lune(rng: Generator, shifts: tuple, cuts: tuple) -> ndarray:
    """Unit disc without a disc centred at (shift, 0) of radius ``cut``."""
    shift, cut = rng.uniform(*shifts), rng.uniform(*cuts)
    # Angle of the intersection of both circles, from the centre of each.
    tip = np.arccos((1 + shift**2 - cut**2) / (2 * shift))
    inner_tip = np.arctan2(np.sin(tip), np.cos(tip) - shift)
    outer = np.linspace(tip, 2 * np.pi - tip, 48)
    inner = np.linspace(2 * np.pi - inner_tip, inner_tip, 40)[1:-1]
    return np.concatenate([polar(outer, 1), polar(inner, cut) + [shift, 0]])


def star(rng: Generator) -> ndarray:
    radii = np.tile([1, rng.uniform(0.5, 0.62)], 5)
    return polar(turn(10), radii * rng.uniform(0.93, 1.07, 10))


def fish(rng: Generator) -> ndarray:
    stem = rng.uniform(0.25, 0.35)
    body = polar(np.linspace(-np.pi + stem, np.pi - stem, 48), 1)
    body[:, 1] *= rng.uniform(0.6, 0.75)
    length, height = rng.uniform(1.45, 1.6), rng.uniform(0.55, 0.7)
    tail = [(-length, height), (-length + 0.2, 0), (-length, -height)]
    return np.concatenate([body, tail])


def gear(rng: Generator) -> ndarray:
    teeth, root = rng.integers(6, 9), rng.uniform(0.7, 0.78)
    return polar(turn(4 * teeth), np.tile([1, 1, root, root], teeth))


def blob(rng: Generator) -> ndarray:
    orders = np.arange(2, 6)[:, None]
    phases = rng.uniform(0, 2 * np.pi, (4, 1))
    waves = np.cos(orders * turn(96) + phases) * rng.uniform(0.1, 0.5, (4, 1))
    return polar(turn(96), 1 + (waves / orders).sum(axis=0) * 1.3)


def polygon(rng: Generator) -> ndarray:
    num = rng.integers(4, 9)
    angles = turn(num) + rng.uniform(-0.3, 0.3, num) * 2 * np.pi / num
    return polar(angles, rng.uniform(0.6, 1, num))


def bumpy_superellipse(rng: Generator) -> ndarray:
    exponent = rng.uniform(2, 6)
    cos, sin = np.abs(np.cos(turn(120))), np.abs(np.sin(turn(120)))
    radii = (cos**exponent + sin**exponent)**(-1 / exponent)
    bumps = np.cos(turn(120) * rng.integers(9, 15)) * rng.uniform(0, 0.06)
    return polar(turn(120), radii + bumps) * [1, rng.uniform(0.5, 1)]


def banana(rng: Generator) -> ndarray:
    angles = np.linspace(0, rng.uniform(0.6, 2.2), 40)
    width = rng.uniform(0.1, 0.2) + 0.15 * np.sin(np.linspace(0, np.pi, 40))
    outer, inner = polar(angles, 1 + width), polar(angles, 1 - width)
    return np.concatenate([outer, inner[::-1]])


def notched(rng: Generator) -> ndarray:
    """Disc with up to three deep, smooth notches."""
    radii = np.ones(120)
    for start in rng.uniform(0, 2 * np.pi) + turn(rng.integers(1, 4)):
        apart = np.abs((turn(120) - start + np.pi) % (2 * np.pi) - np.pi)
        radii -= rng.uniform(0.3, 0.6) * np.exp(-(apart / 0.35)**2)
    return polar(turn(120), radii) * [1, rng.uniform(0.7, 1)]


crescent = partial(lune, shifts=(0.62, 0.75), cuts=(0.72, 0.82))
bitten = partial(lune, shifts=(0.65, 1.1), cuts=(0.45, 0.85))
CLASSES = dict(star=star, crescent=crescent, fish=fish, gear=gear)
SALIENT_SHAPES = (blob, polygon, bumpy_superellipse, banana, notched, bitten)


def rasterise(rng: Generator, outline: ndarray, side: float) -> ndarray:
    """Draw an outline (N, 2), stretched and rotated at random.

    Returns its coverage (h, w) in [0, 1]; the longer side is about ``side``.
    """
    scale = 8  # sub-pixels per pixel
    angle = rng.uniform(0, 2 * np.pi)
    cos, sin = np.cos(angle), np.sin(angle)
    points = outline * rng.uniform(0.87, 1.15, 2) @ [[cos, -sin], [sin, cos]]
    points -= points.min(axis=0)
    points *= side / points.max()
    w, h = np.ceil(points.max(axis=0)).astype(int).tolist()
    canvas = np.zeros((h * scale, w * scale), np.uint8)
    cv2.fillPoly(canvas, [np.round(points * scale).astype(np.int32)], 255)
    canvas = cv2.resize(canvas, (w, h), interpolation=cv2.INTER_AREA)
    return canvas.astype(np.float32) / 255
