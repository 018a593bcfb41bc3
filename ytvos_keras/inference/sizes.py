"""Choose the working size, and resize to it."""

import math
import warnings

import numpy as np
from PIL import Image


def working_size(
    frame_size: tuple[int, int], input_size: tuple[int, int], stride: int
) -> tuple[int, int]:
    """Return the size with the area of `input_size` and about the frame's aspect ratio.

    Both sides are rounded to a multiple of the stride, and are at least one stride long.

    Args:
        frame_size: (height, width) of the video, in pixels.
        input_size: nominal (height, width) of the model.
        stride: of the model, in pixels.

    Returns:
        (height, width), in pixels.

    Example:
        >>> working_size((1080, 1920), (256, 448), 32), working_size((1920, 1080), (256, 448), 32)
        ((256, 448), (448, 256))
    """
    height, width = frame_size
    scale = math.sqrt(input_size[0] * input_size[1] / (height * width))
    return _round(height * scale, stride), _round(width * scale, stride)


def resize_frame(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a frame, uint8 (H, W, 3), bilinearly, with antialiasing when it shrinks.

    `size` is (height, width), in pixels, as everywhere in this module.
    """
    if frame.shape[:2] == tuple(size):
        return frame
    # Pillow antialiases when it shrinks an image; it takes (width, height).
    image = Image.fromarray(np.ascontiguousarray(frame))
    return np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR))


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a mask, uint8 (H, W), by nearest neighbour, which preserves its values."""
    if mask.shape == tuple(size):
        return mask
    # Interpolation would create ids of other objects along contours.
    image = Image.fromarray(np.ascontiguousarray(mask))
    return np.asarray(image.resize(size[::-1], Image.Resampling.NEAREST))


def small_object_mask(mask: np.ndarray, size: tuple[int, int], object_id: int) -> np.ndarray:
    """Resize an object's mask with `resize_mask`, and warn if nothing is left of it."""
    small = resize_mask(mask, size)
    if not small.any():
        warnings.warn(
            f"object {object_id} ({int(mask.sum())} pixels) vanishes at the working size "
            f"{size[0]}x{size[1]}; use a larger size to track it.",
            stacklevel=4,
        )
    return small


def _round(length: float, stride: int) -> int:
    return max(stride, round(length / stride) * stride)
