"""Validate frames, masks and sizes."""

import operator

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.media.masks import check_label_map, ids_in


def check_frame(frame: np.ndarray, name: str = "frame") -> np.ndarray:
    """Check a frame and return it as uint8.

    Args:
        frame: (H, W, 3), RGB; uint8, or floats in 0–255, which are rounded.
        name: name of the frame in errors.

    Returns:
        uint8 (H, W, 3), 0–255.

    Raises:
        InputError: wrong shape or dtype, values outside 0–255 or not finite, or floats that are
            scaled to 0–1 (fractions, and none above 1).
    """
    frame = np.asarray(frame)
    if frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
        raise InputError(
            f"{name}: a frame must be RGB with shape (H, W, 3). Received: {frame.shape}."
        )
    if frame.dtype == np.uint8:
        return frame
    if not np.issubdtype(frame.dtype, np.floating):
        raise InputError(
            f"{name}: a frame must be uint8, or float in 0–255. Received: {frame.dtype}."
        )
    low, high = float(frame.min()), float(frame.max())
    if not (low >= 0 and high <= 255):  # also false for NaN
        raise InputError(
            f"{name}: a float frame must be in 0–255. Received: values from {low:g} to {high:g}."
        )
    rounded = np.rint(frame)
    # A frame of only 0 and 1 may be a nearly black one.
    if high <= 1 and (rounded != frame).any():
        raise InputError(
            f"{name}: values from {low:g} to {high:g} look scaled to 0–1; multiply them by 255."
        )
    return rounded.astype(np.uint8)


def check_object_mask(mask: np.ndarray, name: str = "mask") -> np.ndarray:
    """Check the mask of one object.

    Args:
        mask: (H, W), any value for the object and 0 elsewhere; see also `media.check_label_map`.
        name: name of the mask in errors.

    Returns:
        uint8 (H, W), 0 or 1.

    Raises:
        InputError: a rule of `check_label_map` is broken, or the mask has several ids.
    """
    label_map = check_label_map(mask, name=name)
    ids = ids_in(label_map)
    if len(ids) > 1:
        raise InputError(
            f"{name}: {len(ids)} ids found ({ids[0]}, {ids[1]}, …) where one object is expected; "
            "pass the whole label map to add_objects."
        )
    return (label_map > 0).astype(np.uint8)


def check_size(size: tuple[int, int], expected: tuple[int, int], name: str) -> None:
    """Raise `InputError` unless (height, width) `size` is the video's, `expected`."""
    if tuple(size) != tuple(expected):
        raise InputError(
            f"{name} is {size[1]}×{size[0]} pixels, but the video is {expected[1]}×{expected[0]}; "
            "all frames and masks of a video must have the same size."
        )


def check_working_size(size: tuple[int, int], stride: int) -> tuple[int, int]:
    """Return (height, width) as plain ints; `InputError` unless each is at least the stride."""
    try:
        numbers = tuple(map(operator.index, size))
    except TypeError:
        numbers = ()
    if len(numbers) != 2 or min(numbers) < stride:
        raise InputError(
            f"size must be (height, width), each at least {stride} pixels. Received: {size}."
        )
    return numbers
