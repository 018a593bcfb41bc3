"""The meaning of pixel values in mask files."""

from collections.abc import Iterable

import numpy as np
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.media.mask_pixels import index_values
from ytvos_keras.media.masks import MAX_ID
from ytvos_keras.media.pictures import decode_picture

VOID = 255  # void in PASCAL VOC and DAVIS 2017; the object in DAVIS 2016
LABEL_MODES = ("P", "L", "1")  # one number per pixel, at most 8 bits


def decode_labels(data: bytes, name: str) -> np.ndarray:
    """Decode a mask to the values in the file.

    Args:
        data: an index, greyscale or black-and-white PNG of at most 8 bits per pixel.
        name: what to call the mask in an error: its file, if it has one.

    Returns:
        uint8 (H, W): the index in the palette or the grey level; 0 and 1 of a 1-bit PNG; 0 where
        the image is transparent.

    Raises:
        InputError: damaged, not a PNG, or not one number per pixel.
    """
    image = decode_picture(data, name)
    if image.format != "PNG" or image.mode not in LABEL_MODES:
        raise InputError(
            f"{name}: a mask must be an index, greyscale or black-and-white PNG of at most 8 bits; "
            "`ytvos-prepare check --fix` repairs what can be repaired. "
            f"Received: {image.format}, mode {image.mode}"
        )
    return index_values(image).astype(np.uint8)  # a 1-bit PNG comes as booleans


def label_areas(labels: np.ndarray) -> np.ndarray:
    """Count the pixels of each value in labels, uint8 (H, W): int64 (256,)."""
    # Faster than np.bincount, which first makes an int64 copy.
    return np.array(Image.fromarray(labels).histogram(), np.int64)


def is_binary(areas: Iterable[np.ndarray]) -> bool:
    """Whether the masks of a video are black and white: 255 occurs and no value from 1 to 254.

    If so, 255 is object 1. Otherwise 255 marks void pixels and is not an object. `areas` is the
    result of `label_areas` for each mask.
    """
    together = sum(areas, np.zeros(256, np.int64))
    # Over the whole video: a single mask of 0 and 255 may also show nothing but void pixels.
    return bool(together[VOID]) and not together[1:VOID].any()


def object_areas(areas: np.ndarray, binary: bool) -> dict[int, int]:
    """The size of each object in a mask: object id (1–254, ascending) → its pixels, at least 1.

    `areas` is from `label_areas`. If the mask is `binary`, every value above 0 is object 1.
    """
    if binary:
        return {1: int(areas[1:].sum())} if areas[1:].any() else {}
    return {int(value): int(areas[value]) for value in np.flatnonzero(areas) if 0 < value <= MAX_ID}
