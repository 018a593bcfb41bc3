"""Areas of a picture as COCO's compressed run lengths, through pycocotools."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ytvos_keras.errors import InputError

Size = tuple[int, int]  # height, width

_FARTHEST = 1_000_000  # pixels; pycocotools walks along every edge, however far it leads


def from_area(area: np.ndarray) -> bytes | None:
    """Turn a boolean mask (H, W) into run lengths; None if it covers no pixel."""
    if not area.any():
        return None
    return pycocotools().encode(np.asfortranarray(area, np.uint8))["counts"]


def to_area(counts: bytes, size: Size) -> np.ndarray:
    """Turn run lengths that this module made into a boolean mask (H, W)."""
    return pycocotools().decode({"size": list(size), "counts": counts}) > 0


def area_of(counts: bytes, size: Size) -> int:
    """The number of pixels."""
    return int(pycocotools().area({"size": list(size), "counts": counts}))


def from_polygons(polygons: Sequence[Sequence[float]], size: Size) -> bytes | None:
    """Run lengths of the union of polygons.

    Args:
        polygons: x0, y0, x1, y1, … in pixels; those of fewer than three corners are left out.
        size: of the picture.

    Returns:
        None if no polygon has three corners, or the union covers no pixel.

    Raises:
        InputError: a polygon is no list of an even number of numbers within reach.
    """
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) % 2 or not all(map(_is_near, polygon)):
            raise InputError(
                "a polygon must be a list of an even number of coordinates x, y in pixels, "
                f"{_FARTHEST:,} at most. "
                f"Received: {str(polygon)[:60]}"
            )
    # pycocotools would take two corners for a box.
    areas = [[float(number) for number in polygon] for polygon in polygons if len(polygon) >= 6]
    if not areas:
        return None
    coco = pycocotools()
    union = coco.merge(coco.frPyObjects(areas, *size))
    return union["counts"] if coco.area(union) else None


def from_coco(segmentation: Any, size: Size) -> bytes | None:
    """Run lengths of a `segmentation` of COCO: polygons, or run lengths of either form.

    Returns:
        None if it covers no pixel.

    Raises:
        InputError: it is malformed, or its run lengths are of another size than the picture.
    """
    if isinstance(segmentation, list):
        return from_polygons(segmentation, size)
    if not isinstance(segmentation, dict):
        raise InputError("a segmentation must be polygons or run lengths (RLE).")
    if list(segmentation.get("size") or ()) != list(size):
        raise InputError(
            f"run lengths must have the picture's size {list(size)}. "
            f"Received: {segmentation.get('size')}"
        )
    counts = segmentation.get("counts")
    area = _decoded(counts, size) if isinstance(counts, str) else repeat_runs(counts, size, "F")
    return from_area(area)


def repeat_runs(counts: Any, size: Size, order: str) -> np.ndarray:
    """Write out run lengths: so many pixels outside, so many inside, and so on.

    Args:
        counts: whole numbers from 0 that add up to the area.
        size: of the area.
        order: `C` along the rows, `F` along the columns.

    Returns:
        Boolean (H, W).

    Raises:
        InputError: they are no such numbers.
    """
    if not isinstance(counts, list) or not all(isinstance(n, int) and n >= 0 for n in counts):
        raise InputError("run lengths must be whole numbers from 0, or COCO's compressed text.")
    if sum(counts) != size[0] * size[1]:
        raise InputError(
            f"run lengths must add up to {size[0] * size[1]} pixels. Received: {sum(counts)}"
        )
    inside = np.arange(len(counts)) % 2 > 0
    return np.repeat(inside, counts).reshape(size, order=order)


def pycocotools() -> ModuleType:
    """The module that turns polygons and run lengths into pixels.

    Raises:
        InputError: it is not installed.
    """
    try:
        from pycocotools import mask
    except ImportError as error:
        raise InputError(
            "annotations (COCO, labelme, CVAT) need pycocotools; "
            "run: pip install 'ytvos-keras[annotations]'"
        ) from error
    return mask


def _decoded(counts: str, size: Size) -> np.ndarray:
    """Write out COCO's compressed text; pycocotools gives garbage for some malformed ones."""
    runs = {"size": list(size), "counts": counts.encode()}
    try:
        area = pycocotools().decode(runs)
        if area.max() <= 1 and area.sum() == pycocotools().area(runs):
            return area > 0
    except ValueError:
        pass
    raise InputError(f"compressed run lengths are malformed. Received: {counts[:40]!r}")


def _is_near(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) <= _FARTHEST  # not so NaN
