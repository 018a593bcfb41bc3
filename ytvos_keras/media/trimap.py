"""Trimaps: rough masks with a third value for pixels that may or may not be on the object."""

import operator
from collections.abc import Sequence

import numpy as np

from ytvos_keras.errors import InputError

OBJECT, UNKNOWN, BACKGROUND = 1.0, 0.5, 0.0


def box_trimap(size: tuple[int, int], box: Sequence[int]) -> np.ndarray:
    """The trimap of a box around an object: unknown inside, background outside.

    Args:
        size: (height, width) of the frame, in pixels.
        box: (left, top, width, height), in pixels. The parts outside the frame are ignored.

    Returns:
        float32 (H, W): 0.5 inside the box, 0 elsewhere.

    Raises:
        InputError: the box is not four whole numbers, is empty, or is outside the frame.

    Example:
        >>> float(box_trimap((480, 854), (100, 50, 200, 300)).sum())
        30000.0
    """
    try:
        # As Python numbers: NumPy's may overflow.
        left, top, width, height = map(operator.index, box)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"a box is left, top, width, height in whole pixels. Received: {box}"
        ) from error
    # Negative indices would count from the end.
    rows = slice(max(top, 0), max(top + height, 0))
    columns = slice(max(left, 0), max(left + width, 0))
    trimap = np.full(size, BACKGROUND, np.float32)
    trimap[rows, columns] = UNKNOWN
    if not trimap.any():
        raise InputError(
            f"the box {left},{top},{width},{height} has no pixel in the frame, which is "
            f"{size[1]}×{size[0]} pixels; give left, top, width, height in pixels of the frame."
        )
    return trimap
