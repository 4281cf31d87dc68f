from typing import List, Tuple

import numpy as np
import shapely
from pycocotools import mask as mask_utils

from mmboxcaseg.structures import decode_window


def mask_to_polygons(rle: dict,
                     tolerance: float) -> Tuple[List[np.ndarray], int]:
    """Outline a mask.

    Outlines run through the middles of the edges between foreground and
    background pixels, so that a slanted border is a straight line and no
    staircase, and every pixel centre stays on its side. Holes are filled:
    polygons have none in most formats.

    Args:
        rle (dict): Compressed RLE.
        tolerance (float): How far points may be from the outline that they
            are left out of, in pixels. 0 keeps the mask as it is.

    Returns:
        tuple: One polygon for every part of the mask, the largest first, in
        pixels, each has shape (n, 2), not closed, all of one orientation;
        and the number of holes that were filled.
    """
    region = _region(rle)
    parts = shapely.get_parts(region)
    holes = int(shapely.get_num_interior_rings(parts).sum())
    if holes:
        # A part may lie in the hole of another.
        exteriors = shapely.polygons(shapely.get_exterior_ring(parts))
        parts = shapely.get_parts(shapely.union_all(exteriors))
    order = np.argsort(-shapely.area(parts), kind='stable')
    return [_outline(part, tolerance) for part in parts[order]], holes


def _region(rle: dict) -> shapely.Geometry:
    """The foreground as the union of the runs of its rows."""
    x, y, w, h = (int(v) for v in mask_utils.toBbox(rle))
    mask = decode_window(rle, (x, y, x + w, y + h))
    steps = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, start = np.nonzero(steps == 1)
    _, stop = np.nonzero(steps == -1)
    runs = shapely.box(x + start, y + row, x + stop, y + row + 1)
    return shapely.normalize(shapely.union_all(runs))


def _outline(part: shapely.Polygon, tolerance: float) -> np.ndarray:
    corners = shapely.get_coordinates(
        shapely.segmentize(shapely.simplify(part.exterior, 0), 1))
    middles = shapely.Polygon((corners[:-1] + corners[1:]) / 2)
    simple = shapely.simplify(middles, tolerance, preserve_topology=True)
    return shapely.get_coordinates(simple.exterior)[:-1]
