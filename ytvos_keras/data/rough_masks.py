"""Random trimaps of an object, as users draw them: boxes, loose outlines, clicks, scribbles."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ytvos_keras.media.trimap import BACKGROUND, OBJECT, UNKNOWN, box_trimap

_SHARES = {"box": 0.3, "box with clicks": 0.15, "outline": 0.15, "clicks": 0.2, "scribble": 0.2}
KINDS = tuple(_SHARES)
"""What a rough mask may come from."""

_LOOSE = (-0.04, 0.12)  # how far a box is outside of the object, relative to width or height
_BLUR = (0.02, 0.08)  # how far an outline is outside, relative to the object's diagonal
_RADIUS = (0.012, 0.03)  # of clicks, half the width of scribbles, relative to the frame's height
_ELSEWHERE = 0.4  # share of clicks and scribbles with clicks on the background


def random_trimap(
    mask: np.ndarray, rng: np.random.Generator, kind: str | None = None
) -> np.ndarray:
    """Replace a mask by a rough one.

    Args:
        mask: boolean (H, W), the object, which is not empty.
        rng: source of randomness.
        kind: one of `KINDS`; None for a random one, in the shares of the training.

    Returns:
        float32 (H, W): 1 for pixels of the object, 0 for the background, 0.5 for unknown. A box
        may cut off a little of the object.
    """
    if kind is None:
        kind = str(rng.choice(KINDS, p=[*_SHARES.values()]))
    if kind == "outline":
        return _outline(mask, rng)
    if kind.startswith("box"):
        trimap = _box(mask, rng)
        return _clicked(trimap, mask, OBJECT, rng) if kind == "box with clicks" else trimap
    trimap = np.full(mask.shape, UNKNOWN, np.float32)
    trimap = _clicked(trimap, mask, OBJECT, rng, joined=kind == "scribble")
    if not mask.all() and rng.random() < _ELSEWHERE:
        trimap = _clicked(trimap, ~mask, BACKGROUND, rng)
    return trimap


def _box(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    left, top, right, bottom = _bounds(Image.fromarray(mask))
    width, height = right - left, bottom - top
    loose = rng.uniform(*_LOOSE, 4) * (width, height, width, height)
    left, top = round(left - loose[0]), round(top - loose[1])
    right, bottom = round(right + loose[2]), round(bottom + loose[3])
    return box_trimap(mask.shape, (left, top, max(right - left, 1), max(bottom - top, 1)))


def _outline(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    image = Image.fromarray(np.where(mask, 255, 0).astype(np.uint8))
    left, top, right, bottom = _bounds(image)
    radius = rng.uniform(*_BLUR) * math.hypot(right - left, bottom - top)
    # The contour at a low level of a blurred mask is a smooth line outside of the object.
    blurred = np.asarray(image.filter(ImageFilter.GaussianBlur(radius)))
    loose = (blurred > 255 * rng.uniform(0.05, 0.3)) | mask
    return np.where(loose, UNKNOWN, BACKGROUND).astype(np.float32)


def _bounds(image: Image.Image) -> tuple[int, int, int, int]:
    box = image.getbbox()
    assert box is not None  # the mask is not empty
    return box


def _clicked(
    trimap: np.ndarray,
    region: np.ndarray,
    value: float,
    rng: np.random.Generator,
    joined: bool = False,
) -> np.ndarray:
    """Set one to three discs in a region, or a line through two to four points, to a value."""
    radius = max(rng.uniform(*_RADIUS) * region.shape[0], 0.5)
    count = rng.integers(2, 5) if joined else rng.integers(1, 4)
    points = _inside(region, int(count), rng)
    image = Image.new("1", region.shape[::-1])
    draw = ImageDraw.Draw(image)
    for x, y in points:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
    if joined:
        draw.line(points, fill=1, width=max(round(2 * radius), 1), joint="curve")
    # People do not draw across the contour.
    return np.where(np.asarray(image) & region, np.float32(value), trimap)


def _inside(
    region: np.ndarray, count: int, rng: np.random.Generator
) -> Sequence[tuple[float, float]]:
    """Random points (x, y) of a region, away from its contour where it is wide enough."""
    image = Image.fromarray(np.where(region, 255, 0).astype(np.uint8))
    blurred = np.asarray(image.filter(ImageFilter.GaussianBlur(region.shape[0] / 60)))
    inner = region & (blurred > 240)
    rows, columns = np.nonzero(inner if inner.any() else region)
    chosen = rng.integers(len(rows), size=count)
    return [(float(columns[i]), float(rows[i])) for i in chosen]
