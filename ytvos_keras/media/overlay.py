"""Draw masks and object names over a frame."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ytvos_keras.media.masks import ids_in
from ytvos_keras.media.palette import davis_palette

_LETTERS = 0.035  # height of the names, as a fraction of the image's height
_SMALLEST_LETTERS = 10  # pixels


def overlay(
    frame: np.ndarray,
    label_map: np.ndarray,
    palette: np.ndarray | None = None,
    alpha: float = 0.5,
) -> np.ndarray:
    """Tint every object in its colour and draw its contour, one pixel wide, in the full colour.

    Args:
        frame: uint8 (H, W, 3), RGB, 0–255.
        label_map: uint8 (H, W), 0 = background.
        palette: uint8 (256, 3), RGB; None for the DAVIS palette.
        alpha: opacity of the tint, 0–1.

    Returns:
        uint8 (H, W, 3), RGB, 0–255; background pixels are unchanged.

    Raises:
        ValueError: the frame and the label map differ in size, or alpha is not in 0–1.
    """
    if frame.shape[:2] != label_map.shape:
        raise ValueError(
            f"frame and label map must have the same size. Received: {frame.shape[:2]} and "
            f"{label_map.shape}"
        )
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be between 0 and 1. Received: {alpha}")
    palette = davis_palette() if palette is None else palette
    result = frame.copy()
    inside = label_map > 0
    colours = palette[label_map[inside]].astype(np.uint32)
    share = round(alpha * 256)  # integers take a third of the time of floats
    # Adding 128, one half, rounds to nearest.
    result[inside] = (frame[inside] * np.uint32(256 - share) + colours * share + 128) >> 8
    edge = contour(label_map)
    result[edge] = palette[label_map[edge]]
    return result


def contour(label_map: np.ndarray) -> np.ndarray:
    """Mark the object pixels that have another label above, below, left or right of them.

    The result is boolean (H, W): the contours of all objects, one pixel wide, inside the objects.
    The border of the image is not a contour.
    """
    edge = np.zeros(label_map.shape, bool)
    rows = label_map[1:] != label_map[:-1]
    columns = label_map[:, 1:] != label_map[:, :-1]
    edge[1:] |= rows
    edge[:-1] |= rows
    edge[:, 1:] |= columns
    edge[:, :-1] |= columns
    return edge & (label_map > 0)


def draw_names(
    picture: np.ndarray,
    labels: np.ndarray,
    name: Callable[[int], str],
    palette: np.ndarray,
) -> np.ndarray:
    """Write the name of each object above its top edge, in its colour on black.

    Args:
        picture: uint8 (H, W, 3), RGB, 0–255.
        labels: uint8 (H, W), 0 or the id of an object.
        name: returns the name of an object.
        palette: uint8 (256, 3), RGB.

    Returns:
        uint8 (H, W, 3).
    """
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(_SMALLEST_LETTERS, round(_LETTERS * image.height)))
    for object_id in ids_in(labels):
        rows, columns = np.nonzero(labels == object_id)
        left, top, right, bottom = draw.textbbox((0, 0), name(object_id), font=font)
        width, height = right - left + 6, bottom - top + 6
        # Above the object's topmost pixels, not the middle of its box, which may be far from them.
        x = _within(columns[rows == rows[0]].mean() - width / 2, image.width - width)
        y = _within(rows[0] - height - 2, image.height - height)
        draw.rectangle((x, y, x + width, y + height), fill="black")
        colour = tuple(_bright(palette[object_id]).tolist())
        # A font's box does not begin at (0, 0): accents and descenders shift it.
        draw.text((x + 3 - left, y + 3 - top), name(object_id), colour, font)
    return np.asarray(image)


def _within(place: float, last: float) -> int:
    """Limit where a name begins; if it does not fit (`last` < 0), its end is cut off."""
    return int(np.clip(place, 0, max(0, last)))


def _bright(colour: np.ndarray) -> np.ndarray:
    """A colour that is legible on black."""
    strongest = int(colour.max())
    return np.full(3, 255) if not strongest else (colour.astype(int) * 255) // strongest
