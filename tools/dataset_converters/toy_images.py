"""Draw the images of the toy set: scenes of objects, and salient images.

Objects of the scenes are of four classes, told apart by shape and, mostly, by
texture and hue. Salient images show one large object, of other shapes,
textures and backgrounds, so that there is a domain gap to bridge.

Legend: S is the side of an image. A field is a float array in [0, 1] and has
shape (S, S), an image is BGR in [0, 255] and has shape (S, S, 3).
"""
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import cv2
import numpy as np
from numpy.random import Generator

SIZE = 160
OBJECT_SIDE = (28, 90)
SALIENT_SIDE = (112, 152)
MIN_VISIBLE_AREA = 150
MIN_VISIBLE_SHARE = 0.6


class Layer(NamedTuple):
    """An object to paint: coverage (S, S) in [0, 1] and image (S, S, 3)."""
    alpha: np.ndarray
    image: np.ndarray


# ---------------------------------------------------------------- textures
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


# ------------------------------------------------------------------ shapes
def polar(angles: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Outline (N, 2) of ``radii`` (N, ) at ``angles`` (N, )."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None]


def turn(num: int) -> np.ndarray:
    """Evenly spaced angles of one turn, has shape (num, )."""
    return np.linspace(0, 2 * np.pi, num, endpoint=False)


def star(rng: Generator) -> np.ndarray:
    radii = np.tile([1, rng.uniform(0.5, 0.62)], 5)
    return polar(turn(10), radii * rng.uniform(0.93, 1.07, 10))


def lune(shift: float, cut: float) -> np.ndarray:
    """Unit disc less a disc of radius ``cut`` that sits ``shift`` aside."""
    tip = np.arccos((1 + shift**2 - cut**2) / (2 * shift))
    inner_tip = np.arctan2(np.sin(tip), np.cos(tip) - shift)
    outer = np.linspace(tip, 2 * np.pi - tip, 48)
    inner = np.linspace(2 * np.pi - inner_tip, inner_tip, 40)[1:-1]
    return np.concatenate([
        polar(outer, np.ones(len(outer))),
        polar(inner, np.full(len(inner), cut)) + [shift, 0]
    ])


def crescent(rng: Generator) -> np.ndarray:
    return lune(rng.uniform(0.62, 0.75), rng.uniform(0.72, 0.82))


def fish(rng: Generator) -> np.ndarray:
    """Ellipse with a forked tail."""
    stem = rng.uniform(0.25, 0.35)
    body = polar(np.linspace(-np.pi + stem, np.pi - stem, 48), np.ones(48))
    body[:, 1] *= rng.uniform(0.6, 0.75)
    length, height = rng.uniform(1.45, 1.6), rng.uniform(0.55, 0.7)
    tail = [(-length, height), (-length + 0.2, 0), (-length, -height)]
    return np.concatenate([body, tail])


def gear(rng: Generator) -> np.ndarray:
    teeth, root = int(rng.integers(6, 9)), rng.uniform(0.7, 0.78)
    radii = np.tile([1, 1, root, root], teeth)
    return polar(turn(4 * teeth), radii)


def blob(rng: Generator) -> np.ndarray:
    orders = np.arange(2, 6)[:, None]
    phases = rng.uniform(0, 2 * np.pi, (4, 1))
    waves = np.cos(orders * turn(96) + phases) * rng.uniform(0.1, 0.5, (4, 1))
    return polar(turn(96), 1 + (waves / orders).sum(axis=0) * 1.3)


def polygon(rng: Generator) -> np.ndarray:
    num = int(rng.integers(4, 9))
    angles = turn(num) + rng.uniform(-0.3, 0.3, num) * 2 * np.pi / num
    return polar(angles, rng.uniform(0.6, 1, num))


def bumpy_superellipse(rng: Generator) -> np.ndarray:
    exponent = rng.uniform(2, 6)
    cos, sin = np.abs(np.cos(turn(120))), np.abs(np.sin(turn(120)))
    radii = (cos**exponent + sin**exponent)**(-1 / exponent)
    bumps = np.cos(turn(120) * rng.integers(9, 15)) * rng.uniform(0, 0.06)
    return polar(turn(120), radii + bumps) * [1, rng.uniform(0.5, 1)]


def banana(rng: Generator) -> np.ndarray:
    """Band of varying width about an arc."""
    angles = np.linspace(0, rng.uniform(0.6, 2.2), 40)
    width = rng.uniform(0.1, 0.2) + 0.15 * np.sin(np.linspace(0, np.pi, 40))
    return np.concatenate(
        [polar(angles, 1 + width),
         polar(angles, 1 - width)[::-1]])


def notched(rng: Generator) -> np.ndarray:
    """Disc with up to three deep, smooth notches."""
    radii = np.ones(120)
    starts = rng.uniform(0, 2 * np.pi) + turn(int(rng.integers(1, 4)))
    for start in starts:
        apart = np.abs((turn(120) - start + np.pi) % (2 * np.pi) - np.pi)
        radii -= rng.uniform(0.3, 0.6) * np.exp(-(apart / 0.35)**2)
    return polar(turn(120), radii) * [1, rng.uniform(0.7, 1)]


def bitten(rng: Generator) -> np.ndarray:
    """Disc with a bite, of any depth."""
    return lune(rng.uniform(0.65, 1.1), rng.uniform(0.45, 0.85))


CLASSES: Dict[str, Callable] = dict(
    star=star, crescent=crescent, fish=fish, gear=gear)
# What most objects of a class wear, as zebras wear stripes and oranges are
# orange; the others wear anything. Hues are OpenCV's, 0 to 180.
CLASS_TEXTURES = (stripes, ramp, dots, checker)
CLASS_HUES = (15, 60, 105, 150)
OWN_LOOK_SHARE = 0.8
# How many objects of scenes have a tone of their background: colour alone does
# not cut them out.
BACKGROUND_TONE_SHARE = 0.3
SALIENT_SHAPES = (blob, polygon, bumpy_superellipse, banana, notched, bitten)


def rasterise(rng: Generator, outline: np.ndarray, side: float) -> np.ndarray:
    """Coverage of an outline (N, 2), stretched and rotated at random.

    Returns:
        np.ndarray: Coverage in [0, 1], has shape (h, w) with the longer of
        both close to ``side``.
    """
    scale = 8  # sub-pixels per pixel
    angle = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(angle), -np.sin(angle)],
                         [np.sin(angle), np.cos(angle)]])
    points = outline * rng.uniform(0.87, 1.15, 2) @ rotation
    points -= points.min(axis=0)
    points *= side / points.max()
    w, h = np.ceil(points.max(axis=0)).astype(int)
    canvas = np.zeros((h * scale, w * scale), np.uint8)
    cv2.fillPoly(canvas, [np.round(points * scale).astype(np.int32)], 255)
    return cv2.resize(
        canvas, (int(w), int(h)), interpolation=cv2.INTER_AREA).astype(
            np.float32) / 255


# ------------------------------------------------------------- composition
def paste(window: np.ndarray, x: int, y: int) -> np.ndarray:
    """Put a window (h, w) at (x, y) into an empty field (S, S)."""
    alpha = np.zeros((SIZE, SIZE), np.float32)
    alpha[y:y + window.shape[0], x:x + window.shape[1]] = window
    return alpha


def light(rng: Generator, image: np.ndarray, strength: float) -> np.ndarray:
    """Shade an image (S, S, 3) by light from a random side."""
    u, _ = rotated_axes(rng)
    shade = (1 + strength * u / SIZE).clip(0.6, 1.4)
    return image * shade[..., None]


def paint(rng: Generator, image: np.ndarray, layer: Layer) -> np.ndarray:
    """Cast a soft shadow of a layer on an image, then blend the layer in.

    Args:
        rng (Generator): Source of randomness.
        image (np.ndarray): Picture so far, has shape (S, S, 3).
        layer (Layer): The object to paint.

    Returns:
        np.ndarray: The new picture, has shape (S, S, 3).
    """
    alpha = layer.alpha[..., None]
    shift = np.float32([[1, 0, rng.uniform(-5, 5)], [0, 1, rng.uniform(1, 6)]])
    shadow = cv2.warpAffine(layer.alpha, shift, (SIZE, SIZE))
    shadow = cv2.GaussianBlur(shadow, (0, 0), rng.uniform(2, 4))[..., None]
    image = image * (1 - rng.uniform(0.1, 0.45) * shadow)
    return image * (1 - alpha) + layer.image * alpha


def scatter_clutter(rng: Generator, image: np.ndarray,
                    palette: np.ndarray) -> np.ndarray:
    """Draw strokes, speckles and small patches that are no objects."""
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
        cv2.ellipse(patches, centre, axes, float(rng.uniform(0, 180)), 0, 360,
                    1, -1, cv2.LINE_AA)
    texture = draw_texture(rng, SCENE_TEXTURES,
                           rng.choice(palette, 2, replace=False))
    return paint(rng, image, Layer(patches, texture))


def develop(rng: Generator, image: np.ndarray) -> np.ndarray:
    """Add slight blur and sensor noise to an image (S, S, 3), as uint8."""
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 0.7))
    image = image + rng.normal(0, rng.uniform(2, 5), image.shape)
    return np.round(image).clip(0, 255).astype(np.uint8)


def place(rng: Generator, window: np.ndarray, masks: np.ndarray,
          full_areas: np.ndarray, overlap: bool) -> Optional[np.ndarray]:
    """Find a place where a new object hides none of the others too much.

    Args:
        rng (Generator): Source of randomness.
        window (np.ndarray): Coverage of the object, has shape (h, w).
        masks (np.ndarray): Visible masks so far, has shape (N, S, S).
        full_areas (np.ndarray): Areas before occlusion, has shape (N, ).
        overlap (bool): Whether it shall cover a part of another object.

    Returns:
        np.ndarray | None: Coverage, has shape (S, S); None if no place was
        found or the object is too small.
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


def make_scene(rng: Generator) -> Tuple[np.ndarray, np.ndarray, List[int]]:
    """Draw a scene of 3 to 6 objects.

    Returns:
        tuple: Image, has shape (S, S, 3); visible masks, has shape
        (N, S, S); indices into ``CLASSES`` of the N objects.
    """
    ground_colours = draw_colours(rng, (0, 0, 0), np.zeros((1, 3)))
    image = draw_texture(rng, SCENE_BACKGROUNDS, ground_colours)
    # Objects and clutter share few colours: a colour does not tell of which
    # of them a pixel is.
    palette = draw_colours(rng, (80, 80, 60, 60, 40), ground_colours)
    # Clutter has the colours of all classes, too.
    hues = [draw_hue(rng, hue, ground_colours) for hue in CLASS_HUES]
    image = scatter_clutter(rng, light(rng, image, 0.3), np.stack(hues))
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
            colours[1] = rng.choice(ground_colours)
        family: Sequence[Callable] = SCENE_TEXTURES
        if rng.random() < OWN_LOOK_SHARE:
            family = (CLASS_TEXTURES[label], )
            colours[0] = draw_hue(rng, CLASS_HUES[label], ground_colours)
        texture = draw_texture(rng, family, colours)
        image = paint(rng, image, Layer(alpha, light(rng, texture, 0.8)))
        mask = alpha >= 0.5
        masks = np.concatenate([masks & ~mask, mask[None]])
        full_areas = np.append(full_areas, mask.sum())
        labels.append(label)
    return develop(rng, image), masks, labels


def make_salient(rng: Generator) -> Tuple[np.ndarray, np.ndarray]:
    """Draw a photograph of one large object.

    Returns:
        Tuple[np.ndarray]: Image, has shape (S, S, 3), and mask, has shape
        (S, S).
    """
    ground_colours = draw_colours(rng, (0, 0, 0), np.zeros((1, 3)))
    image = draw_texture(rng, SALIENT_BACKGROUNDS, ground_colours)
    outline = SALIENT_SHAPES[rng.integers(len(SALIENT_SHAPES))](rng)
    window = rasterise(rng, outline, rng.uniform(*SALIENT_SIDE))
    h, w = window.shape
    # Near the centre, as a photographer frames it.
    x, y = (rng.uniform(0.2, 0.8, 2) * [SIZE - w, SIZE - h]).astype(int)
    alpha = paste(window, x, y)
    colours = draw_colours(rng, (90, 50), ground_colours)
    texture = draw_texture(rng, SALIENT_TEXTURES, colours)
    layer = Layer(alpha, light(rng, texture, 0.6))
    return develop(rng, paint(rng, image, layer)), alpha >= 0.5
