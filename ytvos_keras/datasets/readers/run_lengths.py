"""COCO run-length encoding (RLE) of masks, through pycocotools."""

import reprlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Literal

import numpy as np

from ytvos_keras.errors import InputError, importing

Size = tuple[int, int]  # height, width

_FARTHEST = 1_000_000  # pixels; pycocotools walks along every edge, however long
_LONGEST_OUTLINE = 4_000_000  # pixels; pycocotools takes 50 bytes for each
_MOST_GROUPS = 7  # characters per run length: 35 bits


def from_area(area: np.ndarray) -> bytes | None:
    """Turn a boolean mask (H, W) into run lengths; None if it covers no pixel."""
    if not area.any():
        return None
    # COCO's runs go down the columns; pycocotools accepts only column-major arrays.
    return pycocotools().encode(np.asfortranarray(area, np.uint8))["counts"]


def to_area(counts: bytes, size: Size) -> np.ndarray:
    """Turn run lengths made by this module into a boolean mask (H, W)."""
    return pycocotools().decode({"size": list(size), "counts": counts}) > 0


def area_of(counts: bytes, size: Size) -> int:
    """The number of pixels."""
    return int(pycocotools().area({"size": list(size), "counts": counts}))


def from_polygons(polygons: Sequence[Sequence[float]], size: Size) -> bytes | None:
    """Run lengths of the union of polygons; None if it covers no pixel.

    A polygon is x0, y0, x1, y1, … in pixels; those with fewer than three corners are left out.
    """
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) % 2 or not all(map(is_near, polygon)):
            raise InputError(
                "a polygon must be a list of an even number of coordinates x, y in pixels, "
                f"{_FARTHEST:,} at most. "
                f"Received: {reprlib.repr(polygon)}"
            )
        _check_outline(polygon)
    # pycocotools would mistake two corners for a box.
    areas = [[float(number) for number in polygon] for polygon in polygons if len(polygon) >= 6]
    if not areas:
        return None
    coco = pycocotools()
    union = coco.merge(coco.frPyObjects(areas, *size))
    return union["counts"] if coco.area(union) else None


def from_coco(segmentation: Any, size: Size) -> bytes | None:
    """Run lengths of a COCO `segmentation`, which is polygons, or run lengths in either form.

    None if it covers no pixel.
    """
    if isinstance(segmentation, list):
        return from_polygons(segmentation, size)
    if not isinstance(segmentation, dict):
        raise InputError("a segmentation must be polygons or run lengths (RLE).")
    if segmentation.get("size") != list(size):
        raise InputError(
            f"run lengths must have the image's size {list(size)}. "
            f"Received: {reprlib.repr(segmentation.get('size'))}"
        )
    counts = segmentation.get("counts")
    if isinstance(counts, str):
        # Checked first: pycocotools is not safe with malformed runs.
        return _checked(counts, size)
    return from_area(repeat_runs(counts, size, "F"))


def repeat_runs(counts: Any, size: Size, order: Literal["C", "F"]) -> np.ndarray:
    """Decode run lengths, alternating numbers of pixels outside and inside, as boolean (H, W).

    The numbers must add up to the area. They run along the rows for the order `C`, along the
    columns for `F`.
    """
    if not isinstance(counts, list) or not all(type(n) is int and n >= 0 for n in counts):
        raise InputError("run lengths must be whole numbers from 0, or COCO's compressed text.")
    # Before `repeat`, which would allocate any sum. Python's integers do not overflow.
    if sum(counts) != size[0] * size[1]:
        raise InputError(
            f"run lengths must add up to {size[0] * size[1]} pixels. "
            f"Received: {reprlib.repr(sum(counts))}"
        )
    inside = np.arange(len(counts)) % 2 > 0
    return np.repeat(inside, counts).reshape(size, order=order)


def pycocotools() -> ModuleType:
    """Import the module that turns polygons and run lengths into pixels, from an extra."""
    with importing(extra="annotations", what="reading annotations (COCO, labelme, CVAT)"):
        from pycocotools import mask
    return mask


def _checked(text: str, size: Size) -> bytes | None:
    """Check COCO's compressed text, since pycocotools reads and writes out of bounds otherwise.

    A run length is a number of 5 bits per character, the lowest first; bit 5 says that more follow,
    bit 4 of the last is the sign. From the fourth run on, it is the difference from two runs before
    (https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c, rleFrString). Returns the
    text as bytes; None if it covers no pixel.
    """
    data = text.encode()  # the bytes of other characters than ASCII are out of range below
    # COCO writes the 6-bit numbers as the characters from `0` (48) on.
    codes = np.frombuffer(data, np.uint8).astype(np.int64) - 48
    if not codes.size or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise _malformed(text)
    last = np.flatnonzero(codes & 32 == 0)
    first = np.concatenate([[0], last[:-1] + 1])
    groups = last - first + 1
    if groups.max() > _MOST_GROUPS:
        raise _malformed(text)
    shift = 5 * (np.arange(codes.size) - np.repeat(first, groups))
    counts = np.add.reduceat((codes & 31) << shift, first)
    # Two's complement: a set sign bit stands for -2ⁿ above the n bits read.
    counts -= np.where(codes[last] & 16, np.int64(1) << (5 * groups), 0)
    # Each run is the difference from two runs before, except runs 0 to 2.
    counts[1::2] = np.cumsum(counts[1::2])
    counts[2::2] = np.cumsum(counts[2::2])
    if counts.min() < 0 or counts.max() > size[0] * size[1] or counts.sum() != size[0] * size[1]:
        raise _malformed(text)
    return data if counts[1::2].any() else None


def _malformed(text: str) -> InputError:
    return InputError(f"compressed run lengths are malformed. Received: {text[:40]!r}")


def _check_outline(polygon: Sequence[float]) -> None:
    corners = np.array(polygon, np.float64).reshape(-1, 2)
    # pycocotools steps along the longer side of each edge.
    length = np.abs(corners - np.roll(corners, 1, axis=0)).max(axis=1, initial=0).sum()
    if length > _LONGEST_OUTLINE:
        raise InputError(
            f"the outline of a polygon must have at most {_LONGEST_OUTLINE:,} pixels. "
            f"Received: {length:.0f}"
        )


def is_near(value: Any) -> bool:
    """Whether a coordinate is a number, in pixels, that pycocotools can take."""
    return isinstance(value, int | float) and abs(value) <= _FARTHEST  # False for NaN
