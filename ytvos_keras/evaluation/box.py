"""Bounding boxes of masks."""

import numpy as np


def box_of(labels: np.ndarray) -> tuple[slice, slice]:
    """Return the bounding box of all nonzero pixels, one pixel wider on every side.

    The margin, clipped at the edge of the picture, makes contours in the box equal to those of the
    whole picture: `boundary_map` has a special rule for edges.

    Args:
        labels: (H, W), integer.

    Returns:
        Rows and columns, to index a picture of this size with; both empty if every pixel is 0.

    Example:
        >>> box_of(np.diag([0, 0, 1, 0, 0]))
        (slice(1, 4, None), slice(1, 4, None))
    """
    rows = np.flatnonzero(np.bitwise_or.reduce(labels, axis=1))
    columns = np.flatnonzero(np.bitwise_or.reduce(labels, axis=0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return (
        slice(max(int(rows[0]) - 1, 0), int(rows[-1]) + 2),
        slice(max(int(columns[0]) - 1, 0), int(columns[-1]) + 2),
    )
