"""Random window masks of a small image."""
import numpy as np

HEIGHT, WIDTH = 17, 23


def random_window(rng) -> np.ndarray:
    """Any window, often one that touches borders or is of full height."""
    x0, y0 = rng.integers(0, (WIDTH, HEIGHT))
    x1, y1 = rng.integers((x0, y0), (WIDTH, HEIGHT)) + 1
    if rng.random() < 0.3:
        y0, y1 = 0, HEIGHT
    if rng.random() < 0.3:
        x0 = 0
    if rng.random() < 0.3:
        x1 = WIDTH
    return np.array([x0, y0, x1, y1])


def random_mask(rng, window) -> np.ndarray:
    x0, y0, x1, y1 = window
    return rng.random((y1 - y0, x1 - x0)) < rng.choice([0, .1, .5, .9, 1])


def paste(mask, window) -> np.ndarray:
    image = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    x0, y0, x1, y1 = window
    image[y0:y1, x0:x1] = mask
    return image
