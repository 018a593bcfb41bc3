"""Thumbnails with masks, as `data:` URIs."""

import base64
import io

import numpy as np
from PIL import Image

from ytvos_keras.media.overlay import contour, overlay

_LARGEST = (320, 240)  # width and height in pixels: sharp at half the size on a fine screen
_QUALITY = 80
_GREY = 112  # where there is no frame
# Colours that frames seldom have. The first ones of the DAVIS palette are lost on dark frames.
_COLOURS = (
    (240, 60, 190),
    (50, 165, 255),
    (255, 190, 40),
    (70, 215, 110),
    (235, 64, 64),
    (165, 120, 255),
    (50, 215, 215),
    (255, 140, 60),
)


def draw_mask(
    frame: np.ndarray | None, label_map: np.ndarray, truth: np.ndarray | None = None
) -> str:
    """Tint the objects of a mask on its frame, and outline the truth.

    Args:
        frame: uint8 (H', W', 3), RGB, 0–255, of any size; None for a grey picture.
        label_map: uint8 (H, W), 0 = background; tinted and outlined, a colour an object.
        truth: uint8 (H, W); outlined in white, with a dark rim.

    Returns:
        A JPEG of at most 320×240 pixels with the proportions of `label_map`, as a `data:` URI.
    """
    size = _fitting(label_map.shape)
    if frame is None:
        small = np.full((size[1], size[0], 3), _GREY, np.uint8)
    else:
        small = np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))
    small = overlay(small, _shrink(label_map, size), _palette(), alpha=0.45)
    if truth is not None:
        truth = _shrink(truth, size)
        small[contour((truth == 0).astype(np.uint8))] //= 2  # so that white shows on snow
        small[contour(truth)] = 255
    file = io.BytesIO()
    Image.fromarray(small).save(file, format="JPEG", quality=_QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _fitting(shape: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the thumbnail of a picture with this height and width."""
    height, width = shape
    scale = min(_LARGEST[0] / width, _LARGEST[1] / height, 1)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _shrink(label_map: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(label_map).resize(size, Image.Resampling.NEAREST))


def _palette() -> np.ndarray:
    """uint8 (256, 3): the colours in a cycle, id 1 with the first."""
    return np.array(_COLOURS, np.uint8)[(np.arange(256) - 1) % len(_COLOURS)]
