"""Draw the names of objects next to them."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ytvos_keras.media.masks import ids_in

_HEIGHT = 0.035  # of the letters, as a share of the picture's height
_SMALLEST = 10  # pixels


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
        name: gives the name of an object.
        palette: uint8 (256, 3), RGB.

    Returns:
        uint8 (H, W, 3).
    """
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(_SMALLEST, round(_HEIGHT * image.height)))
    for object_id in ids_in(labels):
        rows, columns = np.nonzero(labels == object_id)
        left, top, right, bottom = draw.textbbox((0, 0), name(object_id), font=font)
        width, height = right - left + 6, bottom - top + 6
        x = int(np.clip(columns[rows == rows[0]].mean() - width / 2, 0, image.width - width))
        y = int(np.clip(rows[0] - height - 2, 0, image.height - height))
        draw.rectangle((x, y, x + width, y + height), fill="black")
        colour = tuple(_bright(palette[object_id]).tolist())
        draw.text((x + 3 - left, y + 3 - top), name(object_id), colour, font)
    return np.asarray(image)


def _bright(colour: np.ndarray) -> np.ndarray:
    """A colour that is legible on black."""
    strongest = int(colour.max())
    return np.full(3, 255) if not strongest else (colour.astype(int) * 255) // strongest
