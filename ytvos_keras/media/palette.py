"""The palette for object ids."""

import functools

import numpy as np


@functools.cache
def davis_palette() -> np.ndarray:
    """Return the palette of PASCAL VOC and DAVIS: black for 0, dark red for 1, dark green for 2.

    The bits of an id are distributed over red, green and blue in turn, from the highest bit of the
    colour down, so that neighbouring ids differ most (`VOClabelcolormap` in the VOC development
    kit).

    Returns:
        uint8 array (256, 3), RGB, read-only.

    Example:
        >>> davis_palette()[1].tolist()
        [128, 0, 0]
    """
    ids = np.arange(256)[:, None]
    channel = np.arange(3)
    colours = np.zeros((256, 3), np.int64)
    for bit in range(8):
        colours |= ((ids >> (3 * bit + channel)) & 1) << (7 - bit)
    palette = colours.astype(np.uint8)
    palette.flags.writeable = False  # shared by every caller
    return palette
