from collections import Counter
from typing import Iterable, List, Tuple

import numpy as np
import shapely
from pycocotools import mask as mask_utils

from mmboxcaseg.structures import decode_window, to_rle
from mmboxcaseg.structures.scores import SCORES

# In pixels. Masks of a few pixels do not vanish, see docs/proxy_file.md.
DEFAULT_TOLERANCE = 0.4


def mask_to_polygons(
        rle: dict,
        tolerance: float = DEFAULT_TOLERANCE) -> Tuple[List[np.ndarray], int]:
    """Convert a mask to polygons.

    Outlines connect the midpoints of the pixel edges between foreground and
    background. So a slanted border is a straight line instead of a staircase,
    and every pixel centre stays on its side. Holes are filled, because most
    formats cannot store them.

    Args:
        rle (dict): Compressed RLE.
        tolerance (float): Points are left out if the outline moves by at most
            this distance, in pixels. 0 keeps the mask as it is.

    Returns:
        tuple: One polygon per part of the mask, the largest first, in pixels,
        each has shape (n, 2), not closed, all of one orientation; and the
        number of holes.
    """
    region = _region(rle)
    parts = shapely.get_parts(region)
    holes = int(shapely.get_num_interior_rings(parts).sum())
    if holes:
        # A part may be inside a hole of another part.
        exteriors = shapely.polygons(shapely.get_exterior_ring(parts))
        parts = shapely.get_parts(shapely.union_all(exteriors))
    order = np.argsort(-shapely.area(parts), kind='stable')
    return [_outline(part, tolerance) for part in parts[order]], holes


def outline_records(masks: Iterable[dict], tolerance: float,
                    losses: Counter) -> None:
    """Replace the RLE of records by polygons, in place.

    The scores of masks that vanish become 0.

    Args:
        masks (Iterable[dict]): Records with ``segmentation``.
        tolerance (float): See :func:`mask_to_polygons`.
        losses (Counter): Counts ``masks`` that are not empty, their
            ``holes``, masks ``with_holes``, masks that ``vanished``, and the
            sum of the ``iou`` between masks and polygons.
    """
    for mask in masks:
        rle = mask['segmentation']
        polygons, holes = mask_to_polygons(rle, tolerance)
        mask['segmentation'] = [p.ravel().tolist() for p in polygons]
        if mask_utils.area(rle):
            drawn = to_rle(mask['segmentation'], *rle['size'])
            vanished = mask_utils.area(drawn) == 0
            if vanished:
                mask.update((key, 0.) for key in SCORES if key in mask)
            losses.update(
                masks=1,
                holes=holes,
                with_holes=int(holes > 0),
                vanished=int(vanished),
                iou=mask_utils.iou([rle], [drawn], [0])[0, 0])


def _region(rle: dict) -> shapely.Geometry:
    """The foreground: the union of the runs of its rows."""
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
